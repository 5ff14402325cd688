//! Text from outside, cleaned where it comes in.
//!
//! A node's label, an error message of a server or a line of a probe can hold terminal escapes
//! (CVE-2021-25743), and a terminal widget passes them on. So what is read is kept in types whose
//! only constructors clean: no screen, report or file has to remember to.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What stands in place of a character that was taken out, so that its absence shows.
pub const REPLACEMENT: char = '\u{FFFD}';

/// Whether a character could move a cursor, hide text or reorder it: C0, DEL, C1, line and
/// paragraph separators, zero-width and bidirectional controls, and the invisible tag block.
pub const fn is_unsafe(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{1F}' | '\u{7F}'..='\u{9F}' | '\u{AD}' | '\u{61C}' | '\u{180E}'
        | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// `text` with each unsafe character replaced, on one line.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if is_unsafe(c) { REPLACEMENT } else { c }).collect()
}

/// `text` with each unsafe character replaced but line feed and tab, for what has lines.
pub fn clean_lines(text: &str) -> String {
    text.chars().map(|c| if is_unsafe(c) && c != '\n' && c != '\t' { REPLACEMENT } else { c }).collect()
}

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $clean:ident, $keeps:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(Box<str>);

        impl $name {
            /// Cleans `text`.
            pub fn new(text: &str) -> Self {
                let keeps: fn(char) -> bool = $keeps;
                if text.chars().any(|c| is_unsafe(c) && !keeps(c)) {
                    Self($clean(text).into())
                } else {
                    Self(text.into())
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::new(&text)
            }
        }
        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0.into()
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                &*self.0 == other
            }
        }
        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                &*self.0 == *other
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a string")
                    }
                    fn visit_str<E>(self, text: &str) -> Result<$name, E> {
                        Ok($name::new(text))
                    }
                }
                deserializer.deserialize_str(Visitor)
            }
        }
    };
}

text_type!(
    /// One line of text from outside, without control characters.
    Text, clean, |_| false
);
text_type!(
    /// Text of several lines from outside: line feeds and tabs are kept, other control characters are not.
    Document, clean_lines, |c| c == '\n' || c == '\t'
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_do_not_come_through() {
        assert_eq!(
            &*Text::new("a\x1b[2Jb\r\n\u{202E}c\u{200B}"),
            "a\u{FFFD}[2Jb\u{FFFD}\u{FFFD}\u{FFFD}c\u{FFFD}"
        );
        assert_eq!(&*Document::new("a\n\tb\x1b"), "a\n\tb\u{FFFD}");
        assert_eq!(serde_json::from_str::<Text>(r#""x\u001b[31m""#).unwrap(), "x\u{FFFD}[31m");
    }

    #[test]
    fn other_scripts_stay() {
        for text in ["kube-system", "größe", "日本語", "🎉", "नमस्ते"] {
            assert_eq!(&*Text::new(text), text);
        }
    }

    proptest! {
        #[test]
        fn nothing_unsafe_is_left_and_length_stays(text in any::<String>()) {
            let cleaned = Text::new(&text);
            prop_assert!(!cleaned.chars().any(is_unsafe));
            prop_assert_eq!(cleaned.chars().count(), text.chars().count());
            prop_assert_eq!(Text::new(&cleaned), cleaned);
        }
    }
}
