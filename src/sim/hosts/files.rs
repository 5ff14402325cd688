//! Programs that change files: sed, curl, gpg, install, mv, tar.

use crate::sim::hosts::machine::File;
use crate::sim::hosts::run::Run;

/// `sed -i SCRIPT FILE`, with a script that substitutes one text by another, on a line or on all.
pub(super) fn sed(run: &Run, arguments: &[&str]) -> i32 {
    let words: Vec<&str> =
        arguments.iter().copied().filter(|word| !matches!(*word, "-i" | "-E" | "-e" | "--")).collect();
    let [script, path] = words.as_slice() else {
        run.say("Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...");
        return 1;
    };
    let Some(edit) = Substitution::parse(script) else {
        run.say(format!("sed: -e expression #1, char {}: unterminated `s' command", script.chars().count()));
        return 1;
    };
    let now = run.now();
    let edited = run.on(|machine| {
        let (File::Text(text), modified) = machine.files.get_mut(*path)? else { return None };
        *text = edit.on(text);
        *modified = now;
        machine.read_list(path);
        Some(())
    });
    if edited.is_none() {
        run.say(format!("sed: can't read {path}: No such file or directory"));
        return 2;
    }
    0
}

/// `[LINE]s#FROM#TO#[g]`, with any character in the place of `#`.
#[derive(Debug, PartialEq, Eq)]
struct Substitution {
    line: Option<usize>,
    from: String,
    to: String,
    global: bool,
}

impl Substitution {
    fn parse(script: &str) -> Option<Self> {
        let digits = script.len() - script.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (line, rest) = script.split_at_checked(digits)?;
        let rest = rest.strip_prefix('s')?;
        let delimiter = rest.chars().next()?;
        let mut parts = vec![String::new()];
        let mut chars = rest.chars().skip(1);
        while let Some(c) = chars.next() {
            match c {
                // A character that means itself: only such patterns are known here.
                '\\' => parts.last_mut()?.extend(chars.next()),
                c if c == delimiter => parts.push(String::new()),
                c => parts.last_mut()?.push(c),
            }
        }
        let [from, to, flags] = parts.as_slice() else { return None };
        let known = !from.is_empty() && matches!(flags.as_str(), "" | "g");
        known.then(|| Self {
            line: line.parse().ok(),
            from: from.clone(),
            to: to.clone(),
            global: flags == "g",
        })
    }

    fn on(&self, text: &str) -> String {
        let count = if self.global { usize::MAX } else { 1 };
        let mut edited = String::new();
        for (index, line) in text.lines().enumerate() {
            if self.line.is_none_or(|wanted| wanted == index + 1) {
                edited.push_str(&line.replacen(&self.from, &self.to, count));
            } else {
                edited.push_str(line);
            }
            edited.push('\n');
        }
        edited
    }
}

/// `curl … URL -o FILE`: any key of the package repositories is there.
pub(super) async fn curl(run: &Run, arguments: &[&str]) -> i32 {
    let mut file = None;
    let mut url = None;
    let mut words = arguments.iter().copied();
    while let Some(word) = words.next() {
        match word {
            "-o" | "--output" => file = words.next(),
            option if option.starts_with('-') => {}
            address => url = Some(address),
        }
    }
    let Some(url) = url else {
        run.say("curl: (2) no URL specified");
        return 2;
    };
    run.takes(1.0).await;
    let host = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    if host != "pkgs.k8s.io" {
        run.say(format!("curl: (6) Could not resolve host: {host}"));
        return 6;
    }
    if let Some(file) = file {
        let now = run.now();
        run.on(|machine| machine.files.insert(file.to_owned(), (File::Other, now)));
    }
    0
}

/// `gpg --dearmor -o FILE FILE`
pub(super) fn gpg(run: &Run, arguments: &[&str]) -> i32 {
    let mut output = None;
    let mut input = None;
    let mut words = arguments.iter().copied();
    while let Some(word) = words.next() {
        match word {
            "-o" | "--output" => output = words.next(),
            option if option.starts_with('-') => {}
            path => input = Some(path),
        }
    }
    let now = run.now();
    match (input, output) {
        (Some(input), Some(output)) if run.on(|machine| machine.files.contains_key(input)) => {
            run.on(|machine| machine.files.insert(output.to_owned(), (File::Other, now)));
            0
        }
        (input, _) => {
            run.say(format!("gpg: can't open '{}': No such file or directory", input.unwrap_or_default()));
            2
        }
    }
}

/// `install -d -m MODE FOLDER`
pub(super) fn install(run: &Run, arguments: &[&str]) -> i32 {
    let words: Vec<&str> = arguments.iter().copied().filter(|word| *word != "-d").collect();
    let folder = match words.as_slice() {
        ["-m", _, folder] | [folder] if arguments.contains(&"-d") => *folder,
        _ => {
            run.say("install: missing file operand");
            return 1;
        }
    };
    run.on(|machine| {
        machine.folders.insert(folder.trim_end_matches('/').to_owned());
        machine.look_for_snapshots(folder.trim_end_matches('/'));
    });
    0
}

/// `mv FROM TO`
pub(super) fn mv(run: &Run, arguments: &[&str]) -> i32 {
    let [from, to] = arguments else {
        run.say("mv: missing file operand");
        return 1;
    };
    let folder = to.rsplit_once('/').map_or("", |(folder, _)| folder);
    if run.on(|machine| !machine.files.contains_key(*from)) {
        run.say(format!("mv: cannot stat '{from}': No such file or directory"));
        return 1;
    }
    if run.on(|machine| !machine.has_folder(folder)) {
        run.say(format!("mv: cannot move '{from}' to '{to}': No such file or directory"));
        return 1;
    }
    run.on(|machine| {
        if let Some(file) = machine.files.remove(*from) {
            machine.files.insert((*to).to_owned(), file);
        }
        machine.look_for_snapshots(folder);
    });
    0
}

/// `tar -C / -czf FILE FOLDER`
pub(super) async fn tar(run: &Run, arguments: &[&str]) -> i32 {
    let file = arguments.iter().position(|word| *word == "-czf").and_then(|index| arguments.get(index + 1));
    let Some(file) = file.copied() else {
        run.say("tar: You must specify one of the '-Acdtrux', '--delete' or '--test-label' options");
        return 2;
    };
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    if run.on(|machine| !machine.has_folder(folder)) {
        run.say(format!("tar (child): {file}: Cannot open: No such file or directory"));
        run.say("tar (child): Error is not recoverable: exiting now");
        return 2;
    }
    run.takes(1.0).await;
    let now = run.now();
    run.on(|machine| machine.files.insert(file.to_owned(), (File::Other, now)));
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn substitutions_change_what_they_name() {
        let text = "deb file:/srv/apt/v1.30 ./\ndeb file:/srv/apt/v1.30 ./\n";
        for (script, wanted) in [
            ("1s#v1.30#v1.31#", "deb file:/srv/apt/v1.31 ./\ndeb file:/srv/apt/v1.30 ./\n"),
            (r"s|v1\.30|v1.31|", "deb file:/srv/apt/v1.31 ./\ndeb file:/srv/apt/v1.31 ./\n"),
            ("2s/deb/dab/g", "deb file:/srv/apt/v1.30 ./\ndab file:/srv/apt/v1.30 ./\n"),
            ("s#none#x#", text),
        ] {
            assert_eq!(Substitution::parse(script).unwrap().on(text), wanted, "{script}");
        }
        for script in ["", "s", "s#a#b", "d", "1,2s#a#b#", "s##b#", "s#a#b#x"] {
            assert_eq!(Substitution::parse(script), None, "{script}");
        }
    }
}
