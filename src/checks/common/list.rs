//! Lists of names in sentences.

/// How many names a sentence holds before it counts the rest.
const SHOWN: usize = 5;

/// `w1`, `w1 and w2`, `w1, w2 and w3`, and with more `w1, w2, w3, w4, w5 and 7 more`.
pub fn names<T: AsRef<str>>(names: &[T]) -> String {
    let text = |names: &[T]| names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    match names {
        [] => "none".to_owned(),
        [one] => one.as_ref().to_owned(),
        [first @ .., last] if names.len() <= SHOWN => format!("{} and {}", text(first), last.as_ref()),
        _ => {
            let (shown, rest) = names.split_at(SHOWN);
            format!("{} and {} more", text(shown), rest.len())
        }
    }
}

/// `1 node`, `2 nodes`.
pub fn count(number: usize, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_counted() {
        let all = ["a", "b", "c", "d", "e", "f", "g"];
        assert_eq!(names(&all[..0]), "none");
        assert_eq!(names(&all[..1]), "a");
        assert_eq!(names(&all[..3]), "a, b and c");
        assert_eq!(names(&all[..5]), "a, b, c, d and e");
        assert_eq!(names(&all), "a, b, c, d, e and 2 more");
        assert_eq!((count(1, "node"), count(0, "node")), ("1 node".to_owned(), "0 nodes".to_owned()));
    }
}
