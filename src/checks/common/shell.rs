//! Commands that can be copied: a name from the cluster stays one word, whatever is in it.

use std::fmt::Write;

/// `word` as one word of a POSIX shell: as it is where that is safe, in single quotes otherwise.
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The words of a command in a line, each quoted. Flags are words too: they are the caller's own, and plain.
pub fn line(words: &[&str]) -> String {
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        let own_flag = word.starts_with('-')
            && word.chars().skip(1).all(|c| c.is_ascii_alphanumeric() || "-=".contains(c));
        let _ = if own_flag { write!(line, "{word}") } else { write!(line, "{}", quote(word)) };
    }
    line
}

/// `kubectl` with these words, in a namespace if there is one.
pub fn kubectl(namespace: &str, words: &[&str]) -> String {
    let mut all = vec!["kubectl"];
    if !namespace.is_empty() {
        all.extend(["-n", namespace]);
    }
    all.extend(words);
    line(&all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_cannot_end_its_word() {
        assert_eq!(quote("web-7c.x"), "web-7c.x");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("a b"), "'a b'");
        assert_eq!(quote("x;reboot"), "'x;reboot'");
        assert_eq!(quote("it's"), r"'it'\''s'");
        assert_eq!(quote("~root"), "'~root'");
        assert_eq!(quote("-rf"), "'-rf'");
        assert_eq!(kubectl("shop", &["get", "pod", "web $(id)"]), "kubectl -n shop get pod 'web $(id)'");
        assert_eq!(kubectl("", &["uncordon", "w1"]), "kubectl uncordon w1");
    }

    proptest! {
        #[test]
        fn a_shell_reads_back_the_words(words in proptest::collection::vec("[^\u{0}]{0,12}", 1..5)) {
            let line = words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
            prop_assert_eq!(read_back(&line), words);
        }
    }

    /// What a POSIX shell makes of plain words and single quotes.
    fn read_back(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let (mut quoted, mut escaped) = (false, false);
        for c in line.chars() {
            match c {
                _ if escaped => escaped = false,
                '\'' => {
                    quoted = !quoted;
                    continue;
                }
                '\\' if !quoted => {
                    escaped = true;
                    continue;
                }
                ' ' if !quoted => {
                    words.push(String::new());
                    continue;
                }
                _ => {}
            }
            words.last_mut().unwrap().push(c);
        }
        words
    }
}
