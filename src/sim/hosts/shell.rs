//! As much of a shell as the lines of a plan need: words and quotes, `&&`, variables set for a command, and `$(…)`.

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// As it stands.
    Text(String),
    /// What a line of its own prints.
    Printed(String),
}

/// A word, before `$(…)` is looked at.
pub(super) type Word = Vec<Part>;

/// One command of a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Command {
    /// What stands before it: `NAME=value`.
    pub(super) variables: Vec<(String, String)>,
    /// The program and its arguments.
    pub(super) words: Vec<Word>,
}

/// What a shell says of a line that it cannot read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreadable(pub(super) String);

/// What a line consists of.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(Word),
    And,
}

/// Reads a line: commands that are joined by `&&`.
///
/// # Errors
/// In the shell's words, when it is no such line.
pub(super) fn parse(line: &str) -> Result<Vec<Command>, Unreadable> {
    let mut commands = Vec::new();
    let mut command = Command::default();
    for token in tokens(line)? {
        match token {
            Token::Word(word) => match variable(&word).filter(|_| command.words.is_empty()) {
                Some(variable) => command.variables.push(variable),
                None => command.words.push(word),
            },
            Token::And if command == Command::default() => return Err(unexpected("&&")),
            Token::And => commands.push(std::mem::take(&mut command)),
        }
    }
    if command != Command::default() {
        commands.push(command);
    } else if !commands.is_empty() {
        return Err(Unreadable("syntax error: unexpected end of file".to_owned()));
    }
    Ok(commands)
}

fn unexpected(token: &str) -> Unreadable {
    Unreadable(format!("syntax error near unexpected token `{token}'"))
}

/// `NAME=value`, when a word is that.
fn variable(word: &Word) -> Option<(String, String)> {
    let [Part::Text(text)] = word.as_slice() else { return None };
    let (name, value) = text.split_once('=')?;
    let is_name = !name.is_empty()
        && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
        && !name.starts_with(|c: char| c.is_ascii_digit());
    is_name.then(|| (name.to_owned(), value.to_owned()))
}

fn tokens(line: &str) -> Result<Vec<Token>, Unreadable> {
    let mut tokens = Vec::new();
    let mut word: Option<Word> = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => tokens.extend(word.take().map(Token::Word)),
            '&' if chars.next_if_eq(&'&').is_some() => {
                tokens.extend(word.take().map(Token::Word));
                tokens.push(Token::And);
            }
            '|' | '&' | ';' | '<' | '>' | '(' | ')' | '\n' | '`' | '*' | '?' => {
                return Err(unexpected(&c.to_string()));
            }
            '\'' => loop {
                match chars.next() {
                    Some('\'') => {
                        add(&mut word, "");
                        break;
                    }
                    Some(quoted) => add(&mut word, quoted.encode_utf8(&mut [0; 4])),
                    None => return Err(unclosed('\'')),
                }
            },
            '"' => double_quoted(&mut chars, &mut word)?,
            '\\' => add(&mut word, &chars.next().map(String::from).unwrap_or_default()),
            '$' => printed(&mut chars, &mut word)?,
            other => add(&mut word, other.encode_utf8(&mut [0; 4])),
        }
    }
    tokens.extend(word.take().map(Token::Word));
    Ok(tokens)
}

type Chars<'c> = std::iter::Peekable<std::str::Chars<'c>>;

fn double_quoted(chars: &mut Chars<'_>, word: &mut Option<Word>) -> Result<(), Unreadable> {
    add(word, "");
    loop {
        match chars.next() {
            Some('"') => return Ok(()),
            Some('$') => printed(chars, word)?,
            Some('\\') => {
                // Within quotes a backslash stands for itself, but before these.
                let escaped = chars.next_if(|c| matches!(c, '"' | '\\' | '$' | '`'));
                add(word, escaped.unwrap_or('\\').encode_utf8(&mut [0; 4]));
            }
            Some(quoted) => add(word, quoted.encode_utf8(&mut [0; 4])),
            None => return Err(unclosed('"')),
        }
    }
}

/// `(…)` behind a `$`.
fn printed(chars: &mut Chars<'_>, word: &mut Option<Word>) -> Result<(), Unreadable> {
    if chars.next_if_eq(&'(').is_none() {
        return Err(Unreadable("the simulated shell knows no variables".to_owned()));
    }
    let mut line = String::new();
    let mut quoted = false;
    for c in chars.by_ref() {
        match c {
            ')' if !quoted => {
                word.get_or_insert_default().push(Part::Printed(line));
                return Ok(());
            }
            '\'' => quoted = !quoted,
            _ => {}
        }
        line.push(c);
    }
    Err(unclosed(')'))
}

fn unclosed(quote: char) -> Unreadable {
    Unreadable(format!("unexpected EOF while looking for matching `{quote}'"))
}

/// Adds text to a word, which there is from then on.
fn add(word: &mut Option<Word>, text: &str) {
    let word = word.get_or_insert_default();
    match word.last_mut() {
        Some(Part::Text(last)) => last.push_str(text),
        _ => word.push(Part::Text(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(line: &str) -> Vec<Vec<String>> {
        let commands = parse(line).unwrap();
        let text = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Printed(line) => format!("<{line}>"),
        };
        let word = |word: &Word| word.iter().map(text).collect();
        commands.iter().map(|command| command.words.iter().map(word).collect()).collect()
    }

    #[test]
    fn lines_are_split_as_a_shell_splits_them() {
        for (line, wanted) in [
            ("", vec![]),
            ("  apt-get   update ", vec![vec!["apt-get", "update"]]),
            ("sed -i '1s#a b#c#' /x", vec![vec!["sed", "-i", "1s#a b#c#", "/x"]]),
            ("A=1 B='2 3' x y=4", vec![vec!["x", "y=4"]]),
            ("umask 077 && tar -C /", vec![vec!["umask", "077"], vec!["tar", "-C", "/"]]),
            (r#"a "$(ps --name '^e)$' -q)" b"#, vec![vec!["a", "<ps --name '^e)$' -q>", "b"]]),
            (r#"a ''"b\"c\d"\ e"#, vec![vec!["a", r#"b"c\d e"#]]),
            ("a ''", vec![vec!["a", ""]]),
        ] {
            assert_eq!(plain(line), wanted, "{line}");
        }
        let command = &parse("DEBIAN_FRONTEND=noninteractive apt-get update").unwrap()[0];
        assert_eq!(command.variables, [("DEBIAN_FRONTEND".to_owned(), "noninteractive".to_owned())]);
    }

    #[test]
    fn what_it_cannot_read_it_says_in_a_shells_words() {
        for (line, message) in [
            ("a | b", "syntax error near unexpected token `|'"),
            ("&& a", "syntax error near unexpected token `&&'"),
            ("a &&", "syntax error: unexpected end of file"),
            ("a 'b", "unexpected EOF while looking for matching `''"),
            ("a \"b", "unexpected EOF while looking for matching `\"'"),
            ("a $(b", "unexpected EOF while looking for matching `)'"),
            ("a $HOME", "the simulated shell knows no variables"),
        ] {
            assert_eq!(parse(line), Err(Unreadable(message.to_owned())), "{line}");
        }
    }
}
