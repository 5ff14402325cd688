//! Copying: by the terminal (OSC 52), and always into a file, for terminals and multiplexers may swallow it.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;

use crate::private;

/// What lies between kubelift and the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Multiplexer {
    /// Nothing that is known.
    #[default]
    None,
    /// tmux, which passes on what is wrapped for it, where `allow-passthrough` is on.
    Tmux,
    /// GNU screen, which does as well.
    Screen,
}

/// The longest text that is sent to a terminal, in bytes: xterm takes no more than 100,000 of base64.
const MAX: usize = 74_000;

/// The sequence that asks the terminal to copy `text`; `None` if it is too long for one.
///
/// In tmux it is sent plain as well, for tmux itself takes it where `set-clipboard` is `on`.
/// Sources: xterm's ctlseqs (Operating System Commands, 52); tmux(1), `allow-passthrough`.
pub fn sequence(text: &str, multiplexer: Multiplexer) -> Option<String> {
    if text.len() > MAX {
        return None;
    }
    let plain = format!("\x1b]52;c;{}\x07", BASE64_STANDARD.encode(text));
    Some(match multiplexer {
        Multiplexer::None => plain,
        Multiplexer::Tmux => format!("{plain}\x1bPtmux;{}\x1b\\", plain.replace('\x1b', "\x1b\x1b")),
        Multiplexer::Screen => {
            // A string of screen's holds 768 bytes at most.
            let mut wrapped = String::new();
            for piece in plain.as_bytes().chunks(700) {
                let _ = write!(wrapped, "\x1bP{}\x1b\\", String::from_utf8_lossy(piece));
            }
            wrapped
        }
    })
}

/// Writes `text` to a new file in `folder` that only its owner can read; its path.
///
/// # Errors
/// When the folder cannot be made or the file cannot be written.
pub fn write(folder: &Path, name: &str, extension: &str, at: Timestamp, text: &str) -> io::Result<PathBuf> {
    private::folder(folder)?;
    let moment = at.strftime("%Y-%m-%dT%H%M%S");
    for number in 0..1000 {
        let counter = if number == 0 { String::new() } else { format!("-{number}") };
        let path = folder.join(format!("{name}-{moment}{counter}.{extension}"));
        match private::new_file(&path) {
            Ok(mut file) => {
                file.write_all(text.as_bytes())?;
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("there are a thousand files of this second already"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_multiplexer_is_asked_to_pass_it_on() {
        assert_eq!(sequence("foo", Multiplexer::None).unwrap(), "\x1b]52;c;Zm9v\x07");
        let tmux = sequence("foo", Multiplexer::Tmux).unwrap();
        assert_eq!(tmux, "\x1b]52;c;Zm9v\x07\x1bPtmux;\x1b\x1b]52;c;Zm9v\x07\x1b\\");
        let screen = sequence(&"x".repeat(2000), Multiplexer::Screen).unwrap();
        assert!(screen.split("\x1b\\").all(|piece| piece.len() <= 768));
        assert_eq!(sequence(&"x".repeat(MAX + 1), Multiplexer::None), None);
    }

    #[test]
    fn files_are_private_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("kubelift/copied");
        let at = "2026-11-24T12:04:27Z".parse().unwrap();
        let first = write(&folder, "copied", "txt", at, "one").unwrap();
        let second = write(&folder, "copied", "txt", at, "two").unwrap();
        assert_eq!(first, folder.join("copied-2026-11-24T120427.txt"));
        assert_ne!(first, second);
        assert_eq!(std::fs::read_to_string(&first).unwrap(), "one");
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&first), mode(&folder)), (0o600, 0o700));
    }
}
