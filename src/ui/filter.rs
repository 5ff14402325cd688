//! Filters: words that a line must have, and words that it must not.

/// Words typed after `/`: a line is shown if it has every word, and none that is written `!word`.
/// Upper and lower case are the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    text: String,
    words: Vec<Word>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    text: String,
    wanted: bool,
}

impl Filter {
    /// The filter that `text` means.
    pub fn new(text: &str) -> Self {
        let words = text.split_whitespace().filter_map(|word| {
            let (wanted, word) = word.strip_prefix('!').map_or((true, word), |word| (false, word));
            (!word.is_empty()).then(|| Word { text: word.to_lowercase(), wanted })
        });
        Self { text: text.to_owned(), words: words.collect() }
    }

    /// As it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it shows everything.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether it shows a line, given in lower case.
    pub fn shows(&self, lower: &str) -> bool {
        self.words.iter().all(|word| lower.contains(&word.text) == word.wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn all_words_and_none_of_the_inverse() {
        let line = "✗ shop/deployment/web profile k8s-web is not loaded w3 w5";
        for (text, shown) in [
            ("", true),
            ("web", true),
            ("WEB", true),
            ("web w5", true),
            ("web w6", false),
            ("!web", false),
            ("!db", true),
            ("web !db", true),
            ("web !w5", false),
            ("!", true),
            ("  ", true),
        ] {
            assert_eq!(Filter::new(text).shows(line), shown, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_word_and_its_inverse_share_the_lines(word in "[a-z]{1,3}", line in "[a-z ]{0,12}") {
            let inverse = Filter::new(&format!("!{word}"));
            prop_assert_ne!(Filter::new(&word).shows(&line), inverse.shows(&line));
        }
    }
}
