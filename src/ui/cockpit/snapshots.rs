//! Screens as text files: what is written in each cell, and in a second block how it looks.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test ui::` writes them; look at every one that changed before it is committed.

use std::fmt::Write as _;
use std::path::Path;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier, Style};
use unicode_width::UnicodeWidthStr;

/// The buffer as text: a grid of what is written, a grid of letters for styles, and what the letters mean.
pub(super) fn text(buffer: &Buffer) -> String {
    let mut styles: Vec<Style> = Vec::new();
    let (mut written, mut styled) = (String::new(), String::new());
    for row in buffer.content.chunks(usize::from(buffer.area.width).max(1)) {
        let mut covered = 0;
        for cell in row {
            if covered == 0 {
                written.push_str(cell.symbol());
                covered = cell.symbol().width().max(1);
            }
            covered -= 1;
            styled.push(letter(&mut styles, cell));
        }
        written.push_str("|\n");
        styled.push_str("|\n");
    }
    let mut text = format!("{written}\n{styled}\n");
    for (at, style) in styles.iter().enumerate() {
        let _ = writeln!(text, "{} {}", LETTERS.chars().nth(at).unwrap(), describe(*style));
    }
    text
}

const LETTERS: &str = ".abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

fn letter(styles: &mut Vec<Style>, cell: &Cell) -> char {
    let style = Style { underline_color: None, ..cell.style() };
    let at = styles.iter().position(|other| *other == style).unwrap_or_else(|| {
        styles.push(style);
        styles.len() - 1
    });
    LETTERS.chars().nth(at).unwrap()
}

fn describe(style: Style) -> String {
    let colour =
        |colour: Option<Color>| colour.map_or_else(String::new, |colour| colour.to_string().to_lowercase());
    let mut text = format!("{} on {}", colour(style.fg), colour(style.bg));
    if style.add_modifier != Modifier::empty() {
        let _ = write!(text, " {:?}", style.add_modifier);
    }
    text
}

/// Compares `buffer` with the file `name`, or writes it when `UPDATE_SNAPSHOTS` is set.
pub(super) fn check(name: &str, buffer: &Buffer) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ui/cockpit/snapshots").join(format!("{name}.txt"));
    let new = text(buffer);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, new).unwrap();
        return;
    }
    let old = std::fs::read_to_string(&path).unwrap_or_else(|_| {
        panic!("{}: there is no such snapshot; UPDATE_SNAPSHOTS=1 writes it", path.display())
    });
    assert!(old == new, "{name} changed; UPDATE_SNAPSHOTS=1 writes it anew\n{}", difference(&old, &new));
}

/// The lines that differ, old and new.
fn difference(old: &str, new: &str) -> String {
    let mut text = String::new();
    for (number, (old, new)) in old.lines().zip(new.lines()).enumerate().filter(|(_, (old, new))| old != new)
    {
        let _ = writeln!(text, "{:>4} -{old}\n     +{new}", number + 1);
    }
    if old.lines().count() != new.lines().count() {
        let _ = writeln!(text, "{} lines before, {} now", old.lines().count(), new.lines().count());
    }
    text
}

mod tests {
    use super::*;
    use ratatui::layout::Rect;

    #[test]
    fn a_change_of_colour_alone_is_a_change() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 3, 1));
        buffer.set_string(0, 0, "日x", Style::new().fg(Color::Red));
        let red = text(&buffer);
        assert!(red.starts_with("日x|\n\n"), "{red}");
        buffer.set_string(2, 0, "x", Style::new().fg(Color::Blue));
        assert_ne!(text(&buffer), red);
    }
}
