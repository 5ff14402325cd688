//! Sizes and ages in words.

use jiff::SignedDuration;

/// `384 MiB`, `1.2 GiB`.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    // In tenths of the unit, in whole numbers.
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut unit = "KiB";
    for next in UNITS.into_iter().skip(1) {
        if tenths < 10_240 {
            break;
        }
        (tenths, unit) = (tenths / 1024, next);
    }
    if tenths < 100 {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    } else {
        format!("{} {unit}", tenths / 10)
    }
}

/// `1 minute`, `6 hours`, `3 days`, `3 days and 4 hours`: cut off, not rounded.
pub(super) fn age(age: SignedDuration) -> String {
    let minutes = age.as_mins().max(0);
    let (hours, days) = (minutes / 60, minutes / (60 * 24));
    if hours == 0 {
        return count(minutes, "minute");
    }
    if days < 2 {
        return count(hours, "hour");
    }
    match hours % 24 {
        0 => count(days, "day"),
        rest => format!("{} and {}", count(days, "day"), count(rest, "hour")),
    }
}

fn count(number: i64, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_two_digits_or_more() {
        assert_eq!(bytes(0), "0 bytes");
        assert_eq!(bytes(1023), "1023 bytes");
        assert_eq!(bytes(1024), "1.0 KiB");
        assert_eq!(bytes(402_653_184), "384 MiB");
        assert_eq!(bytes(1_288_490_188), "1.1 GiB");
        assert_eq!(bytes(2_147_483_648), "2.0 GiB");
        assert_eq!(bytes(1 << 50), "1024 TiB");
        assert_eq!(bytes(u64::MAX), "16777215 TiB");
    }

    #[test]
    fn ages_are_cut_off() {
        let of = |minutes| age(SignedDuration::from_mins(minutes));
        assert_eq!(of(-5), "0 minutes");
        assert_eq!((of(1), of(59)), ("1 minute".to_owned(), "59 minutes".to_owned()));
        assert_eq!((of(60), of(47 * 60 + 59)), ("1 hour".to_owned(), "47 hours".to_owned()));
        assert_eq!((of(48 * 60), of(73 * 60)), ("2 days".to_owned(), "3 days and 1 hour".to_owned()));
    }
}
