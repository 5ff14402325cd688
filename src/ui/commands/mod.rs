//! Every command, in one table: keys, footer, help, the `:` palette and the plain mode are all made from it.
//!
//! A command has a name that never changes (keymaps of users name it), one line of documentation, the
//! places where it applies, and a rule that says why it cannot run just now. Nothing else in `ui` knows
//! which key runs what: see `cockpit::keymap`.

mod context;
mod places;
mod rules;

pub use context::{Context, Steps};
pub use places::{Place, Places};

use places::{ASK, FINDING, LISTS, PLAIN, PLAN, READINESS, REPLAY, SCREENS, TYPING};
use rules::{
    always, back, by_hand, by_own_hands, changes, copy, evidence, failed, finding, held, leaves_out, live,
    next_confirmation, next_failure, open, own_target, planned, ready, remedy, replay, under_way,
};

/// What a command takes in the palette and in plain mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    /// Nothing.
    None,
    /// The id of a pane, optionally; in plain mode also the number of a finding.
    Pane,
    /// A version to upgrade to, optionally.
    Version,
    /// The name of a built-in theme.
    Theme,
    /// Words to look for, optionally.
    Words,
    /// A place in a recording, optionally.
    Time,
    /// The id of a step, optionally: the next one without it.
    Step,
    /// The id of a step, and words.
    StepWords,
    /// What a confirmation asks to be typed, if it does.
    Answer,
}

impl Argument {
    /// How it is written in help: ` [PANE]`.
    pub const fn usage(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Pane => " [PANE]",
            Self::Version => " [VERSION]",
            Self::Theme => " THEME",
            Self::Words => " [WORDS]",
            Self::Time => " [TIME]",
            Self::Step => " [STEP]",
            Self::StepWords => " STEP WORDS",
            Self::Answer => " [ANSWER]",
        }
    }
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// Which command.
    pub command: Command,
    /// Its name, in kebab case.
    pub name: &'static str,
    /// Its word in the footer; empty for those that the footer leaves out.
    pub label: &'static str,
    /// Where it applies.
    pub places: Places,
    /// What it takes.
    pub argument: Argument,
    /// Why it cannot run now, if it cannot.
    pub why_not: fn(&Context) -> Option<&'static str>,
    /// One line of documentation.
    pub doc: &'static str,
}

macro_rules! commands {
    ($($variant:ident $name:literal $label:literal $places:expr, $argument:ident, $why_not:expr, $doc:literal;)*) => {
        /// Something that a user can ask for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Command {
            $(#[doc = $doc] $variant,)*
        }

        impl Command {
            /// Every command, in the order of help and footer.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its row of the table.
            pub const fn spec(self) -> Spec {
                match self {
                    $(Self::$variant => Spec {
                        command: self,
                        name: $name,
                        label: $label,
                        places: $places,
                        argument: Argument::$argument,
                        why_not: $why_not,
                        doc: $doc,
                    },)*
                }
            }
        }
    };
}

commands! {
    Help           "help"             "help"     SCREENS.and(PLAIN),  None, always, "Show this help, or leave it";
    PlayPause      "play-pause"       "play/pause" REPLAY,         None, replay, "Play, or pause";
    NextFailure    "next-failure"     "failure"  REPLAY,           None, next_failure, "Go to the next failure";
    NextConfirmation "next-confirmation" "confirmation" REPLAY,    None, next_confirmation, "Go to the next confirmation";
    StepForward    "step-forward"     "step"     REPLAY,           None, replay, "Go to the next thing that happened";
    StepBack       "step-back"        ""         REPLAY,           None, replay, "Go to the last thing that happened before";
    Faster         "faster"           "faster"   REPLAY,           None, replay, "Go faster";
    Slower         "slower"           ""         REPLAY,           None, replay, "Go slower";
    Seek           "seek"             "seek"     REPLAY,           Time, replay, "Go to a time since the beginning (1:30), a part (50%), or on by +30 or -30 s";
    Run            "run"              "run"      PLAN.and(PLAIN),  Step, ready, "Show what a step runs, and ask if it shall";
    Said           "done"             "done"     PLAN.and(PLAIN),  Step, by_hand, "Say that the commands of the step under way were run";
    Consent        "consent"          "let through" PLAN.and(PLAIN), StepWords, held, "Let through what holds a step up, by the word that it asks for";
    Retry          "retry"            "retry"    PLAN.and(PLAIN),  Step, failed, "Try what failed or was skipped";
    Failed         "failed"           "failed"   PLAN.and(PLAIN),  StepWords, by_own_hands, "Say that the step under way has failed, with what it printed last";
    Stop           "stop"             "stop"     SCREENS.and(PLAIN), None, under_way, "Stop at the next safe point";
    Skip           "skip"             "leave out" PLAN.and(PLAIN), StepWords, leaves_out, "Leave a step out, with a reason";
    Open           "open"             "open"     READINESS.and(PLAIN), Pane, open, "Open what is chosen: a pane, then a finding";
    Back           "back"             "back"     SCREENS,          None, back, "Take the filter away, or go back where you came from";
    Filter         "filter"           "filter"   LISTS.and(PLAIN),    Words, always, "Show only lines with these words; !word leaves lines out";
    SwitchFocus    "switch-focus"     "switch"   READINESS.and(PLAN), None, always, "Go over to the other half: panes or findings, steps or the chosen step";
    Evidence       "evidence"         "evidence" FINDING,          None, evidence, "Show what a finding rests on: what was seen, when, by which read";
    Remedy         "remedy"           "remedy"   FINDING,          None, remedy, "Show what to do about a finding";
    Copy           "copy"             "copy"     FINDING.and(Places::of(&[Place::Log, Place::Unread])).and(PLAN), None, copy, "Copy the commands of a remedy or step, or the chosen line; also into a file";
    Plan           "plan"             "plan"     SCREENS.and(PLAIN), None, planned, "Show the plan: every step, what it runs, and how far it is";
    NextFinding    "next-finding"     "next"     Places::of(&[Place::Detail]), None, always, "Show the pane's next finding";
    PreviousFinding "previous-finding" "previous" Places::of(&[Place::Detail]), None, always, "Show the pane's previous finding";
    Palette        "palette"          "commands" SCREENS,          None, always, "Type the name of a command";
    Log            "log"              "log"      SCREENS.and(PLAIN),  None, always, "Show everything that kubelift asked the cluster";
    Unread         "unread"           "unread"   SCREENS.and(PLAIN),  None, always, "Show what was not read, and why";
    Target         "target"           "target"   SCREENS.and(PLAIN),  Version, own_target, "Judge by another target version; without one, the newest patch of the next minor";
    Refresh        "refresh"          "refresh"  SCREENS.and(PLAIN),  None, live, "Read everything again now";
    FocusPanes     "focus-panes"      ""         Places::of(&[Place::Findings]), None, always, "Go to the panes";
    FocusFindings  "focus-findings"   ""         Places::of(&[Place::Panes]), None, always, "Go to the findings of the chosen pane";
    NextPane       "next-pane"        ""         READINESS,        None, always, "Choose the next pane";
    PreviousPane   "previous-pane"    ""         READINESS,        None, always, "Choose the previous pane";
    CopyAll        "copy-all"         ""         FINDING,          None, finding, "Copy the whole finding as text; also into a file";
    Readiness      "readiness"        ""         SCREENS.and(PLAIN),  None, always, "Go to the first screen";
    Theme          "theme"            ""         SCREENS,          Theme, always, "Change the colours";
    Dump           "dump"             ""         SCREENS,          None, always, "Write this screen as text, and the findings as JSON, into files";
    Up             "up"               ""         SCREENS.and(ASK), None, always, "Move up";
    Down           "down"             ""         SCREENS.and(ASK), None, always, "Move down";
    PageUp         "page-up"          ""         SCREENS,          None, always, "Move up by a page";
    PageDown       "page-down"        ""         SCREENS,          None, always, "Move down by a page";
    First          "first"            ""         SCREENS,          None, always, "Move to the beginning";
    Last           "last"             ""         SCREENS,          None, always, "Move to the end";
    Redraw         "redraw"           ""         SCREENS.and(TYPING).and(ASK), None, always, "Draw the whole screen again";
    Suspend        "suspend"          ""         SCREENS.and(TYPING).and(ASK), None, always, "Put kubelift aside; fg in the shell brings it back";
    Yes            "yes"              "yes"      PLAIN,            Answer, changes, "Let what was asked about run, with what is to be typed";
    No             "no"               "no"       PLAIN,            None, changes, "Let it be";
    Quit           "quit"             "quit"     SCREENS.and(PLAIN),  None, always, "Leave kubelift";
    Press          "press"            "press"    ASK,              None, always, "Press the button that has the focus: first the one that changes nothing";
    NextButton     "next-button"      "other button" ASK,          None, always, "Go over to the other button, once what is asked for was typed";
    Accept         "accept"           "accept"   TYPING,           None, always, "Take what was typed";
    Cancel         "cancel"           "cancel"   TYPING.and(ASK),  None, always, "Leave without it; a filter is taken away";
    Complete       "complete"         "complete" Places::of(&[Place::Palette]), None, always, "Complete what was typed by the chosen line";
    NextChoice     "next-choice"      ""         Places::of(&[Place::Palette]), None, always, "Choose the next line";
    PreviousChoice "previous-choice"  ""         Places::of(&[Place::Palette]), None, always, "Choose the previous line";
    Erase          "erase"            ""         TYPING.and(ASK),           None, always, "Erase the character before the cursor";
    EraseWord      "erase-word"       ""         TYPING.and(ASK),           None, always, "Erase the word before the cursor";
    EraseAll       "erase-all"        ""         TYPING.and(ASK),           None, always, "Erase everything before the cursor";
    CursorLeft     "cursor-left"      ""         TYPING.and(ASK),           None, always, "Move the cursor left";
    CursorRight    "cursor-right"     ""         TYPING.and(ASK),           None, always, "Move the cursor right";
    CursorStart    "cursor-start"     ""         TYPING.and(ASK),           None, always, "Move the cursor to the beginning";
    CursorEnd      "cursor-end"       ""         TYPING.and(ASK),           None, always, "Move the cursor to the end";
}

impl Command {
    /// Its name.
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// The command of a name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|command| command.name() == name)
    }

    /// Whether it steers an upgrade, so that it never runs in a session that can change nothing.
    pub const fn steers(self) -> bool {
        use Command::{Consent, Failed, No, Retry, Run, Said, Skip, Stop, Yes};
        matches!(self, Run | Said | Consent | Failed | Retry | Stop | Skip | Yes | No)
    }

    /// Why it cannot run now; `None` if it can.
    pub fn why_not(self, context: &Context) -> Option<&'static str> {
        (self.spec().why_not)(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_kebab_case_and_unique_and_find_their_command() {
        let names: BTreeSet<&str> = Command::ALL.iter().map(|command| command.name()).collect();
        assert_eq!(names.len(), Command::ALL.len());
        for spec in Command::ALL.iter().map(|command| command.spec()) {
            assert!(spec.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", spec.name);
            assert_eq!(Command::of(spec.name), Some(spec.command));
            assert!(
                spec.doc.len() < 100 && !spec.doc.ends_with('.'),
                "{}: one line, no full stop",
                spec.name
            );
        }
    }

    #[test]
    fn a_recording_is_not_read_again_and_says_so() {
        let context = Context {
            place: Place::Panes,
            recording: true,
            replay: false,
            failure_follows: false,
            confirmation_follows: false,
            behind: false,
            finding: false,
            remedy: false,
            copyable: false,
            evidence: false,
            upgrade: Steps::default(),
        };
        assert_eq!(Command::Refresh.why_not(&context), Some("a recording cannot be read again"));
        assert_eq!(Command::Refresh.why_not(&Context { recording: false, ..context }), None);
        assert_eq!(Command::PlayPause.why_not(&context), Some("this is no replay"));
        let replay = Context { replay: true, failure_follows: true, ..context };
        assert_eq!(Command::NextFailure.why_not(&replay), None);
        assert_eq!(Command::NextConfirmation.why_not(&replay), Some("no confirmation follows"));
        assert_eq!(Command::Target.why_not(&context), None, "a recording can be judged by another target");
    }
}
