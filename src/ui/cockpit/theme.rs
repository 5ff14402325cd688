//! Themes: one file each, inheriting from one another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ratatui::style::{Color, Style};
use serde::Deserialize;

use super::colour::{self, Depth};

/// The themes that kubelift comes with, by name.
pub const BUILT_IN: [(&str, &str); 6] = [
    ("dark", include_str!("../../../themes/dark.yaml")),
    ("light", include_str!("../../../themes/light.yaml")),
    ("ansi16", include_str!("../../../themes/ansi16.yaml")),
    ("mono", include_str!("../../../themes/mono.yaml")),
    ("colour-blind", include_str!("../../../themes/colour-blind.yaml")),
    ("colour-blind-light", include_str!("../../../themes/colour-blind-light.yaml")),
];

/// The longest theme file that is read, in bytes.
const MAX_FILE: u64 = 256 * 1024;

macro_rules! roles {
    ($($variant:ident $name:literal $doc:literal;)*) => {
        /// What something on the screen is, by which its style is chosen.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Role { $(#[doc = $doc] $variant,)* }

        impl Role {
            /// Every role.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in a theme file.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

roles! {
    Text "text" "Everything that is nothing else; its background is that of the screen.";
    Dim "dim" "What matters less.";
    Strong "strong" "What matters more: names, headings.";
    Frame "frame" "The lines of frames.";
    Title "title" "The title of a frame.";
    Focus "focus" "The title of the frame that has the focus.";
    Column "column" "The heads of columns.";
    Chosen "chosen" "The chosen line where the focus is.";
    Away "away" "The chosen line where the focus is not.";
    Blocker "blocker" "A blocker, and the answer no.";
    Unknown "unknown" "Something unknown.";
    Warning "warning" "A warning.";
    Notice "notice" "A notice.";
    Pass "pass" "What is well, and the answer yes.";
    Reading "reading" "What is still being read.";
    Inspect "inspect" "The sign of a session that can change nothing.";
    Upgrade "upgrade" "The sign of a session that can change a cluster.";
    Demo "demo" "The sign of a simulated cluster.";
    Recording "recording" "The sign of a recording.";
    Gone "gone" "That the API does not answer.";
    Key "key" "A key.";
    Shell "shell" "A command that can be copied.";
    Link "link" "An address.";
    Input "input" "What is being typed.";
    Says "says" "That something was done.";
    Refuses "refuses" "That something was not done, and why.";
}

/// A theme that is wrong.
#[derive(Debug, thiserror::Error)]
pub enum ThemeError {
    /// It is neither a built-in theme nor a file.
    #[error("there is no theme `{name}`: built in are {}; a file is named with a slash or .yaml", built_in())]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// Its file cannot be read.
    #[error("the theme {} cannot be read: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It says something that is not a theme.
    #[error("the theme {file} is wrong: {message}")]
    Wrong {
        /// Which file, or which built-in theme.
        file: String,
        /// What is wrong, at which key.
        message: String,
    },
}

fn built_in() -> String {
    BUILT_IN.map(|(name, _)| name).join(", ")
}

/// A theme as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    #[serde(default)]
    inherits: Option<String>,
    #[serde(default)]
    palette: BTreeMap<String, String>,
    #[serde(default)]
    styles: BTreeMap<String, String>,
}

/// A theme: a style for every role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    name: String,
    styles: BTreeMap<&'static str, Style>,
}

impl Theme {
    /// The theme `name`, as a terminal of `depth` can show it: one that is built in, or else a file.
    ///
    /// # Errors
    /// When there is none, or it is wrong; the error names file and key.
    pub fn load(name: &str, depth: Depth) -> Result<Self, ThemeError> {
        let mut palette = BTreeMap::new();
        let mut styles = BTreeMap::new();
        let mut next = Some(name.to_owned());
        let mut base: Option<PathBuf> = None;
        let mut seen: Vec<String> = Vec::new();
        while let Some(name) = next.take() {
            let source = Source::find(&name, base.as_deref())?;
            let wrong = |message: String| ThemeError::Wrong { file: source.name.clone(), message };
            if seen.contains(&source.name) {
                return Err(wrong(format!(
                    "inherits: it inherits from itself, by way of {}",
                    seen.join(", ")
                )));
            }
            let file: File = parse(&source.text).map_err(wrong)?;
            // What a theme says stands over what it inherits, so only what is not there yet is added.
            for (name, text) in file.palette {
                if colour::is_taken(&name) {
                    return Err(wrong(format!("palette.{name}: in a style this word means something else")));
                }
                let colour =
                    colour::colour(&text).map_err(|error| wrong(format!("palette.{name}: {error}")))?;
                palette.entry(name).or_insert(colour);
            }
            for (name, text) in file.styles {
                if !Role::ALL.iter().any(|role| role.name() == name) {
                    return Err(wrong(format!("styles.{name}: there is no such style")));
                }
                styles.entry(name.clone()).or_insert((format!("styles.{name}"), source.name.clone(), text));
            }
            base = source.folder;
            seen.push(source.name);
            next = file.inherits;
        }
        Self::resolve(name, &palette, &styles, depth)
    }

    fn resolve(
        name: &str,
        palette: &BTreeMap<String, Color>,
        styles: &BTreeMap<String, (String, String, String)>,
        depth: Depth,
    ) -> Result<Self, ThemeError> {
        let mut resolved = BTreeMap::new();
        for role in Role::ALL {
            let Some((key, file, text)) = styles.get(role.name()) else { continue };
            let style = colour::style(text, palette).map_err(|error| ThemeError::Wrong {
                file: file.clone(),
                message: format!("{key}: {error}"),
            })?;
            resolved.insert(role.name(), colour::reduce(style, depth));
        }
        Ok(Self { name: name.to_owned(), styles: resolved })
    }

    /// What it is called: the name or file that was asked for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The style of a role; nothing where the theme does not say.
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role.name()).copied().unwrap_or_default()
    }
}

fn parse(text: &str) -> Result<File, String> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Err("it is empty".to_owned());
    }
    serde_yaml::from_str(text).map_err(|error| error.to_string())
}

/// Where a theme's text came from.
struct Source {
    name: String,
    text: String,
    folder: Option<PathBuf>,
}

impl Source {
    /// A built-in theme, or a file; one that a file inherits is looked for beside it.
    fn find(name: &str, base: Option<&Path>) -> Result<Self, ThemeError> {
        if let Some((name, text)) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
            return Ok(Self { name: (*name).to_owned(), text: (*text).to_owned(), folder: None });
        }
        if !name.contains('/') && !name.ends_with(".yaml") && !name.ends_with(".yml") {
            return Err(ThemeError::Unknown { name: name.to_owned() });
        }
        let path = base.map_or_else(|| PathBuf::from(name), |base| base.join(name));
        let read = |source| ThemeError::Read { path: path.clone(), source };
        let shown = path.display().to_string();
        if std::fs::metadata(&path).map_err(read)?.len() > MAX_FILE {
            return Err(ThemeError::Wrong {
                file: shown,
                message: format!("it is longer than {MAX_FILE} bytes"),
            });
        }
        let text = std::fs::read_to_string(&path).map_err(read)?;
        Ok(Self { name: shown, text, folder: path.parent().map(Path::to_owned) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Modifier;

    /// The contrast of two colours as WCAG 2 defines it.
    fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
        let luminance = |rgb: [u8; 3]| {
            let [r, g, b] = rgb.map(|value| {
                let value = f64::from(value) / 255.0;
                if value <= 0.03928 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
            });
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn built_in_themes_name_every_role() {
        for (name, _) in BUILT_IN {
            let theme = Theme::load(name, Depth::True).unwrap();
            for role in Role::ALL {
                assert!(theme.styles.contains_key(role.name()), "{name}: {}", role.name());
            }
        }
    }

    #[test]
    fn what_is_written_can_be_read_on_its_ground_and_on_the_chosen_line() {
        for name in ["dark", "light", "colour-blind", "colour-blind-light"] {
            for depth in [Depth::True, Depth::Indexed] {
                let theme = Theme::load(name, depth).unwrap();
                let text = theme.style(Role::Text);
                for role in Role::ALL {
                    let style = text.patch(theme.style(*role));
                    let least = if *role == Role::Frame { 1.3 } else { 4.5 };
                    let grounds = [style.bg, theme.style(Role::Chosen).bg, theme.style(Role::Away).bg];
                    let own = *role == Role::Frame || theme.style(*role).bg.is_some();
                    for ground in grounds.into_iter().take(if own { 1 } else { 3 }) {
                        let (fg, bg) =
                            (colour::rgb(style.fg.unwrap()).unwrap(), colour::rgb(ground.unwrap()).unwrap());
                        let contrast = contrast(fg, bg);
                        assert!(
                            contrast >= least,
                            "{name} {depth:?} {}: {contrast:.2} on {bg:?}",
                            role.name()
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_sixteen_leave_the_ground_to_the_terminal_and_monochrome_has_no_colour() {
        let ansi = Theme::load("ansi16", Depth::Ansi16).unwrap();
        assert_eq!(ansi.style(Role::Text).bg, None);
        let mono = Theme::load("mono", Depth::True).unwrap();
        for role in Role::ALL {
            let style = mono.style(*role);
            assert_eq!((style.fg, style.bg), (None, None), "{}", role.name());
        }
        assert!(mono.style(Role::Chosen).add_modifier.contains(Modifier::REVERSED));
    }

    #[test]
    fn a_theme_changes_what_it_inherits_by_its_palette() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.yaml");
        std::fs::write(&path, "inherits: dark\npalette: {alarm: \"#abcdef\"}\nstyles: {link: green}\n")
            .unwrap();
        let theme = Theme::load(path.to_str().unwrap(), Depth::True).unwrap();
        let dark = Theme::load("dark", Depth::True).unwrap();
        assert_eq!(theme.style(Role::Blocker).fg, Some(Color::Rgb(0xab, 0xcd, 0xef)));
        assert_eq!(theme.style(Role::Link), Style::new().fg(Color::Green));
        assert_eq!(theme.style(Role::Warning), dark.style(Role::Warning));
    }

    #[test]
    fn valid_and_invalid_files_are_told_apart() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ui/cockpit/testdata/themes");
        for entry in std::fs::read_dir(folder.join("valid")).unwrap() {
            Theme::load(entry.unwrap().path().to_str().unwrap(), Depth::True).unwrap();
        }
        let mut seen = 0;
        for entry in std::fs::read_dir(folder.join("invalid")).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let expected = text.lines().next().unwrap().trim_start_matches("# says: ");
            let error = Theme::load(path.to_str().unwrap(), Depth::True).unwrap_err().to_string();
            assert!(error.contains(&path.display().to_string()), "{error}: the file is named");
            assert!(error.contains(expected), "{}:\n  {error}\nshould say\n  {expected}", path.display());
            seen += 1;
        }
        assert!(seen >= 6);
        let error = Theme::load("drak", Depth::True).unwrap_err().to_string();
        assert!(error.starts_with("there is no theme `drak`: built in are dark, light,"), "{error}");
    }
}
