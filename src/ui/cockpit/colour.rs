//! Colours and styles as themes write them, and as a terminal can show them.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};

/// How many colours a terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// None: bold, dim, underlined and reversed only.
    Off,
    /// The 16 that the terminal's own palette names.
    Ansi16,
    /// The 256 of xterm.
    Indexed,
    /// 24 bits.
    True,
}

impl Depth {
    /// What a terminal has, by its environment. <https://no-color.org> wins over all.
    pub fn detect(no_color: Option<&str>, colorterm: Option<&str>, term: Option<&str>) -> Self {
        let term = term.unwrap_or("");
        if no_color.is_some_and(|value| !value.is_empty()) || term == "dumb" || term.starts_with("vt") {
            Self::Off
        } else if matches!(colorterm, Some("truecolor" | "24bit")) || term.ends_with("-direct") {
            Self::True
        } else if term.contains("256color") {
            Self::Indexed
        } else {
            Self::Ansi16
        }
    }
}

const ANSI: [(&str, Color, [u8; 3]); 16] = [
    ("black", Color::Black, [0, 0, 0]),
    ("red", Color::Red, [205, 0, 0]),
    ("green", Color::Green, [0, 205, 0]),
    ("yellow", Color::Yellow, [205, 205, 0]),
    ("blue", Color::Blue, [0, 0, 238]),
    ("magenta", Color::Magenta, [205, 0, 205]),
    ("cyan", Color::Cyan, [0, 205, 205]),
    ("gray", Color::Gray, [229, 229, 229]),
    ("dark-gray", Color::DarkGray, [127, 127, 127]),
    ("light-red", Color::LightRed, [255, 0, 0]),
    ("light-green", Color::LightGreen, [0, 255, 0]),
    ("light-yellow", Color::LightYellow, [255, 255, 0]),
    ("light-blue", Color::LightBlue, [92, 92, 255]),
    ("light-magenta", Color::LightMagenta, [255, 0, 255]),
    ("light-cyan", Color::LightCyan, [0, 255, 255]),
    ("white", Color::White, [255, 255, 255]),
];

const MODIFIERS: [(&str, Modifier); 5] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underline", Modifier::UNDERLINED),
    ("reverse", Modifier::REVERSED),
];

/// A colour: `#rrggbb`, one of the 16 by name, `0` to `255`, or `default` for the terminal's own.
///
/// # Errors
/// A sentence with the word that is no colour.
pub fn colour(word: &str) -> Result<Color, String> {
    if word == "default" {
        return Ok(Color::Reset);
    }
    if let Some((_, colour, _)) = ANSI.iter().find(|(name, ..)| *name == word) {
        return Ok(*colour);
    }
    if let Some(hex) = word.strip_prefix('#').filter(|hex| hex.len() == 6)
        && let Ok(value) = u32::from_str_radix(hex, 16)
    {
        let [_, r, g, b] = value.to_be_bytes();
        return Ok(Color::Rgb(r, g, b));
    }
    word.parse().map(Color::Indexed).map_err(|_| format!("there is no colour `{word}`"))
}

/// Whether a word of styles has a meaning of its own, so that no palette can give it another.
pub fn is_taken(word: &str) -> bool {
    word == "on" || MODIFIERS.iter().any(|(name, _)| *name == word)
}

/// A style: `[colour] [on colour] [bold] [dim] [italic] [underline] [reverse]`, with colours of `palette` first.
///
/// # Errors
/// A sentence with the word that is neither.
pub fn style(text: &str, palette: &BTreeMap<String, Color>) -> Result<Style, String> {
    let mut style = Style::new();
    let mut background = false;
    for word in text.split_whitespace() {
        if word == "on" && !background {
            background = true;
            continue;
        }
        if !background && let Some((_, modifier)) = MODIFIERS.iter().find(|(name, _)| *name == word) {
            style = style.add_modifier(*modifier);
            continue;
        }
        let colour = palette.get(word).copied().map_or_else(|| colour(word), Ok)?;
        if background {
            style = style.bg(colour);
            background = false;
        } else if style.fg.is_none() {
            style = style.fg(colour);
        } else {
            return Err(format!("`{word}` is a second colour; a background is written `on {word}`"));
        }
    }
    if background { Err("a colour is missing after `on`".to_owned()) } else { Ok(style) }
}

/// `style` as a terminal of `depth` can show it.
#[must_use]
pub fn reduce(style: Style, depth: Depth) -> Style {
    let mut reduced = style;
    reduced.fg = style.fg.and_then(|colour| nearest(colour, depth));
    reduced.bg = style.bg.and_then(|colour| nearest(colour, depth));
    reduced
}

fn nearest(colour: Color, depth: Depth) -> Option<Color> {
    match (depth, colour) {
        (Depth::Off, _) => None,
        (Depth::Indexed, Color::Rgb(r, g, b)) => Some(Color::Indexed(indexed([r, g, b]))),
        (Depth::Ansi16, Color::Rgb(r, g, b)) => Some(ansi([r, g, b])),
        (Depth::Ansi16, Color::Indexed(index)) => Some(ansi(rgb_of(index))),
        (_, colour) => Some(colour),
    }
}

/// The six steps of xterm's colour cube.
const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The nearest of xterm's cube and greys.
fn indexed(rgb: [u8; 3]) -> u8 {
    let step = |value: u8| (0u8..6).min_by_key(|at| step_of(*at).abs_diff(value)).unwrap_or(0);
    let [r, g, b] = rgb.map(step);
    let cube = 16 + 36 * r + 6 * g + b;
    let grey = (232u8..=255).min_by_key(|index| distance(rgb_of(*index), rgb)).unwrap_or(232);
    if distance(rgb_of(grey), rgb) < distance(rgb_of(cube), rgb) { grey } else { cube }
}

fn step_of(at: u8) -> u8 {
    STEPS.get(usize::from(at)).copied().unwrap_or(0)
}

/// What xterm shows for one of its 256.
pub fn rgb_of(index: u8) -> [u8; 3] {
    match index {
        0..16 => ANSI.get(usize::from(index)).map_or([0; 3], |(.., rgb)| *rgb),
        16..232 => {
            let cube = index - 16;
            [cube / 36, cube / 6 % 6, cube % 6].map(step_of)
        }
        232.. => [8 + 10 * (index - 232); 3],
    }
}

fn ansi(rgb: [u8; 3]) -> Color {
    ANSI.iter().min_by_key(|(.., other)| distance(*other, rgb)).map_or(Color::Reset, |(_, colour, _)| *colour)
}

/// What a colour looks like; `None` for the terminal's own, which nobody knows.
pub fn rgb(colour: Color) -> Option<[u8; 3]> {
    match colour {
        Color::Rgb(r, g, b) => Some([r, g, b]),
        Color::Indexed(index) => Some(rgb_of(index)),
        other => ANSI.iter().find(|(_, colour, _)| *colour == other).map(|(.., rgb)| *rgb),
    }
}

fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    a.into_iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_follows_the_environment() {
        for (no_color, colorterm, term, depth) in [
            (None, None, None, Depth::Ansi16),
            (None, None, Some("xterm"), Depth::Ansi16),
            (None, None, Some("linux"), Depth::Ansi16),
            (None, None, Some("tmux-256color"), Depth::Indexed),
            (None, Some("truecolor"), Some("xterm-256color"), Depth::True),
            (None, Some("24bit"), None, Depth::True),
            (None, None, Some("xterm-direct"), Depth::True),
            (None, Some("truecolor"), Some("dumb"), Depth::Off),
            (None, None, Some("vt220"), Depth::Off),
            (Some("1"), Some("truecolor"), Some("xterm-256color"), Depth::Off),
            (Some(""), None, Some("xterm-256color"), Depth::Indexed),
        ] {
            assert_eq!(
                Depth::detect(no_color, colorterm, term),
                depth,
                "{no_color:?} {colorterm:?} {term:?}"
            );
        }
    }

    #[test]
    fn styles_are_read() {
        let palette = BTreeMap::from([("alarm".to_owned(), Color::Rgb(255, 0, 0))]);
        let read = |text| style(text, &palette);
        assert_eq!(
            read("alarm bold"),
            Ok(Style::new().fg(Color::Rgb(255, 0, 0)).add_modifier(Modifier::BOLD))
        );
        assert_eq!(read("light-red on 236"), Ok(Style::new().fg(Color::LightRed).bg(Color::Indexed(236))));
        assert_eq!(read("on #010203 default"), Ok(Style::new().fg(Color::Reset).bg(Color::Rgb(1, 2, 3))));
        assert_eq!(read(""), Ok(Style::new()));
        for (text, says) in [
            ("redd", "there is no colour `redd`"),
            ("#12345", "there is no colour `#12345`"),
            ("256", "there is no colour `256`"),
            ("red on", "a colour is missing after `on`"),
            ("red green", "`green` is a second colour; a background is written `on green`"),
            ("on bold", "there is no colour `bold`"),
        ] {
            assert_eq!(read(text), Err(says.to_owned()), "{text}");
        }
    }

    #[test]
    fn colours_are_reduced_to_what_there_is() {
        let red =
            Style::new().fg(Color::Rgb(250, 10, 5)).bg(Color::Rgb(8, 8, 8)).add_modifier(Modifier::BOLD);
        assert_eq!(reduce(red, Depth::True), red);
        assert_eq!(reduce(red, Depth::Indexed).fg, Some(Color::Indexed(196)));
        assert_eq!(reduce(red, Depth::Indexed).bg, Some(Color::Indexed(232)));
        assert_eq!(reduce(red, Depth::Ansi16).fg, Some(Color::LightRed));
        assert_eq!(reduce(red, Depth::Off), Style::new().add_modifier(Modifier::BOLD));
    }
}
