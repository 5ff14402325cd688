//! Where a user's files lie, by the XDG Base Directory Specification
//! (<https://specifications.freedesktop.org/basedir-spec/latest/>): relative paths and empty variables are as if they
//! were not there.

use std::ffi::OsString;
use std::path::PathBuf;

/// The home of the user. `variable` looks up the environment, here as below.
pub(crate) fn home(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    absolute(variable("HOME"))
}

/// kubelift's folder in `$XDG_CONFIG_HOME`, else in `~/.config`.
#[cfg(feature = "tui")]
pub(crate) fn config(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    folder("XDG_CONFIG_HOME", ".config", variable)
}

/// kubelift's folder in `$XDG_STATE_HOME`, else in `~/.local/state`.
pub(crate) fn state(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    folder("XDG_STATE_HOME", ".local/state", variable)
}

fn folder(name: &str, in_home: &str, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let base = absolute(variable(name)).or_else(|| Some(home(variable)?.join(in_home)))?;
    Some(base.join("kubelift"))
}

fn absolute(value: Option<OsString>) -> Option<PathBuf> {
    value.map(PathBuf::from).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_are_ignored() {
        let state = |variables: &[(&str, &str)]| {
            state(|name| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| value.into()))
        };
        assert_eq!(state(&[("HOME", "/h"), ("XDG_STATE_HOME", "/s")]), Some("/s/kubelift".into()));
        for not_one in ["", "s", "./s"] {
            let home = Some("/h/.local/state/kubelift".into());
            assert_eq!(state(&[("HOME", "/h"), ("XDG_STATE_HOME", not_one)]), home);
            assert_eq!(state(&[("HOME", not_one), ("XDG_STATE_HOME", not_one)]), None);
        }
    }

    #[cfg(feature = "tui")]
    #[test]
    fn configuration_has_a_folder_of_its_own() {
        let config = |own: &'static str| config(|name| (name == own).then(|| "/a".into()));
        assert_eq!(config("HOME"), Some("/a/.config/kubelift".into()));
        assert_eq!(config("XDG_CONFIG_HOME"), Some("/a/kubelift".into()));
        assert_eq!(config("XDG_STATE_HOME"), None);
    }
}
