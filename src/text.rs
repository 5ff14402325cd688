//! Text from outside, cleaned where it comes in.
//!
//! A node's label, an error message of a server or a line of a probe can hold terminal escapes
//! (CVE-2021-25743), and a terminal widget passes them on. So what is read is kept in types whose
//! only constructors clean: no screen, report or file has to remember to.

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

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

/// How many texts each thread remembers to share.
const REMEMBERED: usize = 4096;

/// The longest text, in bytes, that is remembered: longer ones are seldom repeated.
const LONGEST_REMEMBERED: usize = 128;

thread_local! {
    /// The text last seen at each place; a text's place follows from its bytes, so that memory stays bounded and what
    /// is often repeated stays.
    static SEEN: RefCell<Vec<Option<Arc<str>>>> = const { RefCell::new(Vec::new()) };
}

/// `text`, shared with an equal one that was seen lately on this thread.
fn shared(text: &str) -> Arc<str> {
    if text.len() > LONGEST_REMEMBERED {
        return text.into();
    }
    let place = place_of(text);
    SEEN.with_borrow_mut(|seen| {
        if seen.is_empty() {
            seen.resize(REMEMBERED, None);
        }
        let Some(place) = seen.get_mut(place) else { return text.into() };
        match place {
            Some(known) if **known == *text => Arc::clone(known),
            _ => Arc::clone(place.insert(text.into())),
        }
    })
}

/// FNV-1a: a few instructions a byte, and collisions only cost memory.
fn place_of(text: &str) -> usize {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    usize::try_from((hash ^ (hash >> 32)) % REMEMBERED as u64).unwrap_or(0)
}

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $inner:ty, $store:path, $clean:ident, $keeps:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name($inner);

        impl $name {
            /// Cleans `text`.
            pub fn new(text: &str) -> Self {
                let keeps: fn(char) -> bool = $keeps;
                if text.chars().any(|c| is_unsafe(c) && !keeps(c)) {
                    Self($store($clean(text).as_str()))
                } else {
                    Self($store(text))
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
                text.0.as_ref().to_owned()
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
    /// One line of text from outside, without control characters. Copies share their bytes, and so do most equal
    /// texts that were read apart: 20,000 pods repeat the names of their nodes, images and labels.
    Text, Arc<str>, shared, clean, |_| false
);
text_type!(
    /// Text of several lines from outside: line feeds and tabs are kept, other control characters are not.
    Document, Box<str>, Box::from, clean_lines, |c| c == '\n' || c == '\t'
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
    fn equal_texts_share_their_bytes() {
        let (a, b) = (Text::new("kube-system"), Text::new(&format!("kube-{}", "system")));
        assert!(Arc::ptr_eq(&a.0, &b.0));
        let long = "x".repeat(LONGEST_REMEMBERED + 1);
        assert!(!Arc::ptr_eq(&Text::new(&long).0, &Text::new(&long).0));
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
