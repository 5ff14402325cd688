//! Words about steps, the same in the plan's report, on the screens and in plain lines.

use super::{Confirmation, Step, StepKind};
use crate::actions::observed::{Condition, Holds};

/// `about 40 s`, `about 25 min`, `about 2 h 10 min`
pub fn about(seconds: u32) -> String {
    match seconds {
        0..=90 => format!("about {seconds} s"),
        91..=5400 => format!("about {} min", seconds.div_ceil(60)),
        _ => format!("about {} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// What the operator is asked to do: `say yes`, `type the name cp1`.
pub fn asked(confirmation: &Confirmation) -> String {
    match confirmation {
        Confirmation::Acknowledge => "say yes".to_owned(),
        Confirmation::Word(word) => format!("type the word {word}"),
        Confirmation::Name(name) => format!("type the name {name}"),
    }
}

/// The prompt that a step's commands stand behind: `cp1#` on a machine, `$` anywhere, or `API` for requests of kubelift's
/// own.
pub fn prompt(step: &Step) -> String {
    match &step.node {
        Some(node) if !step.kind.is_by_api() => format!("{node}# "),
        None if step.kind == StepKind::Manual => "$ ".to_owned(),
        _ => "API ".to_owned(),
    }
}

/// Every condition with what was seen of it: `yes  kubeadm says v1.31.14`.
pub fn conditions(step: &Step) -> Vec<String> {
    let line = |condition: &Condition| {
        let holds = match condition.holds {
            Holds::Yes => "yes",
            Holds::No => "no",
            Holds::Unknown => "?",
        };
        let why = if condition.why.is_empty() { String::new() } else { format!(" ({})", condition.why) };
        format!("{holds:<4}{}{why}", condition.what)
    };
    step.precondition.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_as_a_person_would() {
        let said: Vec<String> = [5, 90, 91, 1500, 5401, 7800].into_iter().map(about).collect();
        assert_eq!(
            said,
            [
                "about 5 s",
                "about 90 s",
                "about 2 min",
                "about 25 min",
                "about 1 h 30 min",
                "about 2 h 10 min"
            ]
        );
    }
}
