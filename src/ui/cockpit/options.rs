//! What the command line and the environment say about screens, made ready before anything is drawn.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::clipboard::Multiplexer;
use super::colour::Depth;
use super::glyphs::{ASCII, UNICODE};
use super::keymap::{Keymap, KeymapError};
use super::theme::{Theme, ThemeError};
use super::widgets::Look;
use crate::xdg;

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--theme FILE|NAME`
    pub theme: Option<String>,
    /// `--keys FILE`
    pub keys: Option<PathBuf>,
    /// `--ascii`
    pub ascii: bool,
}

/// The variables of the environment that matter here. Empty ones are as if they were not there.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct Environment {
    pub no_color: Option<String>,
    pub colorterm: Option<String>,
    pub colorfgbg: Option<String>,
    pub term: Option<String>,
    /// The first that is set of LC_ALL, LC_CTYPE and LANG.
    pub locale: Option<String>,
    pub home: Option<PathBuf>,
    /// Where a user's own keymap may lie.
    pub config: Option<PathBuf>,
    /// Where kubelift keeps what it writes.
    pub state: Option<PathBuf>,
    pub tmux: Option<String>,
    pub sty: Option<String>,
}

impl Environment {
    /// That of this process.
    pub fn of_process() -> Self {
        Self::of(|name| std::env::var_os(name))
    }

    /// The environment that `variable` looks up.
    pub fn of(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let get = |name| variable(name)?.into_string().ok().filter(|value| !value.is_empty());
        Self {
            no_color: get("NO_COLOR"),
            colorterm: get("COLORTERM"),
            colorfgbg: get("COLORFGBG"),
            term: get("TERM"),
            locale: get("LC_ALL").or_else(|| get("LC_CTYPE")).or_else(|| get("LANG")),
            home: xdg::home(&variable),
            config: xdg::config(&variable),
            state: xdg::state(&variable),
            tmux: get("TMUX"),
            sty: get("STY"),
        }
    }

    /// Where a user's own keymap lies, if there is one.
    fn keys(&self) -> Option<PathBuf> {
        Some(self.config.as_ref()?.join("keys.yaml")).filter(|path| path.exists())
    }

    fn is_utf8(&self) -> bool {
        let locale = self.locale.as_deref().unwrap_or("").to_ascii_lowercase();
        // The console of Linux has UTF-8, and fonts of 512 signs that hardly ever hold ours.
        (locale.contains("utf-8") || locale.contains("utf8")) && self.term.as_deref() != Some("linux")
    }

    /// Whether the terminal says that its ground is light: the last number of `COLORFGBG`.
    fn is_light(&self) -> bool {
        let ground = self.colorfgbg.as_deref().and_then(|value| value.rsplit(';').next()?.parse::<u8>().ok());
        ground.is_some_and(|ground| ground == 7 || ground == 15)
    }

    fn multiplexer(&self) -> Multiplexer {
        if self.tmux.is_some() {
            Multiplexer::Tmux
        } else if self.sty.is_some() {
            Multiplexer::Screen
        } else {
            Multiplexer::None
        }
    }
}

/// Everything that [`super::run()`] needs to know beside the session.
#[derive(Debug, Clone)]
pub struct Options {
    /// Colours and signs.
    pub look: Look,
    /// Keys.
    pub keymap: Keymap,
    /// Where what is copied or dumped is written; `None` where there is no home.
    pub state: Option<PathBuf>,
    /// What `~` stands for.
    pub home: Option<PathBuf>,
    /// What lies between kubelift and the terminal.
    pub multiplexer: Multiplexer,
}

/// A theme or keymap that is wrong.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The theme.
    #[error(transparent)]
    Theme(#[from] ThemeError),
    /// The keymap.
    #[error(transparent)]
    Keymap(#[from] KeymapError),
}

impl Options {
    /// Reads themes and keys as flags and environment say. A theme that is asked for wins over NO_COLOR.
    ///
    /// # Errors
    /// When a file is wrong or cannot be read; the message names file and place.
    pub fn load(flags: &Flags, environment: &Environment) -> Result<Self, OptionsError> {
        let depth =
            |no_color| Depth::detect(no_color, environment.colorterm.as_deref(), environment.term.as_deref());
        let default = match depth(environment.no_color.as_deref()) {
            Depth::Off => "mono",
            Depth::Ansi16 => "ansi16",
            Depth::Indexed | Depth::True if environment.is_light() => "light",
            Depth::Indexed | Depth::True => "dark",
        };
        let theme = Theme::load(flags.theme.as_deref().unwrap_or(default), depth(None))?;
        let keys = flags.keys.clone().or_else(|| environment.keys());
        let keymap = keys.as_deref().map(Keymap::load).transpose()?.unwrap_or_default();
        let glyphs = if flags.ascii || !environment.is_utf8() { ASCII } else { UNICODE };
        Ok(Self {
            look: Look { theme, glyphs, depth: depth(None) },
            keymap,
            state: environment.state.clone(),
            home: environment.home.clone(),
            multiplexer: environment.multiplexer(),
        })
    }

    /// A path as a shell takes it, with `~` for the home.
    pub fn shown(&self, path: &Path) -> String {
        let below = self.home.as_deref().and_then(|home| path.strip_prefix(home).ok());
        below.map_or_else(|| path.display().to_string(), |below| format!("~/{}", below.display()))
    }

    /// The folder for files of one kind.
    pub fn folder(&self, kind: &str) -> Option<PathBuf> {
        self.state.as_deref().map(|state: &Path| state.join(kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(variables: &[(&str, &str)], flags: &Flags) -> Options {
        let environment = Environment::of(|name| {
            variables.iter().find(|(own, _)| *own == name).map(|(_, value)| value.into())
        });
        Options::load(flags, &environment).unwrap()
    }

    #[test]
    fn the_theme_follows_flag_then_environment() {
        for (variables, theme) in [
            (&[("TERM", "xterm-256color")][..], "dark"),
            (&[("TERM", "xterm-256color"), ("COLORFGBG", "0;15")], "light"),
            (&[("TERM", "xterm-256color"), ("COLORFGBG", "15;default;0")], "dark"),
            (&[("TERM", "xterm")], "ansi16"),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "1")], "mono"),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "")], "dark"),
            (&[("TERM", "dumb")], "mono"),
        ] {
            assert_eq!(load(variables, &Flags::default()).look.theme.name(), theme, "{variables:?}");
        }
        let flags = Flags { theme: Some("light".to_owned()), ..Flags::default() };
        let options = load(&[("NO_COLOR", "1"), ("COLORTERM", "truecolor")], &flags);
        assert_eq!((options.look.theme.name(), options.look.depth), ("light", Depth::True));
    }

    #[test]
    fn signs_follow_flag_then_locale() {
        let ascii = |variables: &[(&str, &str)]| load(variables, &Flags::default()).look.glyphs.ascii;
        assert!(!ascii(&[("LANG", "en_US.UTF-8")]));
        assert!(!ascii(&[("LANG", "C"), ("LC_CTYPE", "C.utf8")]));
        assert!(ascii(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]));
        assert!(ascii(&[]));
        assert!(ascii(&[("LANG", "en_US.UTF-8"), ("TERM", "linux")]));
        assert!(
            load(&[("LANG", "en_US.UTF-8")], &Flags { ascii: true, ..Flags::default() }).look.glyphs.ascii
        );
    }

    #[test]
    fn a_keymap_of_ones_own_is_found_and_a_wrong_one_is_not_passed_over() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".config/kubelift");
        std::fs::create_dir_all(&folder).unwrap();
        let variables = [("HOME", home.path().to_str().unwrap())];
        assert_eq!(load(&variables, &Flags::default()).keymap, Keymap::default());
        std::fs::write(folder.join("keys.yaml"), "quit: [Q]\n").unwrap();
        assert_ne!(load(&variables, &Flags::default()).keymap, Keymap::default());
        std::fs::write(folder.join("keys.yaml"), "quit: [QQ]\n").unwrap();
        let environment = Environment { config: Some(folder), ..Environment::default() };
        let error = Options::load(&Flags::default(), &environment).unwrap_err().to_string();
        assert!(
            error.contains(".config/kubelift/keys.yaml is wrong: ") && error.contains("line 1"),
            "{error}"
        );
    }

    #[test]
    fn files_are_written_where_state_lives() {
        let folder = |variables: &[(&str, &str)]| load(variables, &Flags::default()).folder("copied");
        assert_eq!(folder(&[("HOME", "/h")]), Some("/h/.local/state/kubelift/copied".into()));
        assert_eq!(folder(&[("HOME", "/h"), ("XDG_STATE_HOME", "/s")]), Some("/s/kubelift/copied".into()));
        assert_eq!(folder(&[("XDG_STATE_HOME", "relative")]), None);
        let options = load(&[("HOME", "/h")], &Flags::default());
        assert_eq!(options.shown(Path::new("/h/.local/x.txt")), "~/.local/x.txt");
        assert_eq!(options.shown(Path::new("/home/x.txt")), "/home/x.txt");
    }
}
