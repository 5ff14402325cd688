//! The places in which a command can apply.

/// Where a key was pressed: what is on top of the screen and has the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Place {
    /// The list of panes.
    Panes = 1,
    /// The findings of a pane.
    Findings = 1 << 1,
    /// One finding, on the whole screen.
    Detail = 1 << 2,
    /// The log of everything that was asked.
    Log = 1 << 3,
    /// The list of what was not read.
    Unread = 1 << 4,
    /// The help.
    Help = 1 << 5,
    /// A filter is being typed.
    Filter = 1 << 6,
    /// The palette is open.
    Palette = 1 << 7,
    /// Something else is being typed.
    Prompt = 1 << 8,
    /// The plain mode, which has no keys.
    Plain = 1 << 9,
    /// Every screen of a replay: its keys come before those of the screen itself.
    Replay = 1 << 10,
    /// The plan of an upgrade, and what its steps do.
    Plan = 1 << 11,
    /// A question about a step: something is typed, or a button pressed.
    Ask = 1 << 12,
}

impl Place {
    /// Whether characters are typed here, so that only keys that are no character run commands.
    pub const fn is_typing(self) -> bool {
        matches!(self, Self::Filter | Self::Palette | Self::Prompt | Self::Ask)
    }
}

/// A set of places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places(u16);

impl Places {
    pub(super) const fn of(places: &[Place]) -> Self {
        let mut bits = 0;
        let mut rest = places;
        while let [first, others @ ..] = rest {
            bits |= *first as u16;
            rest = others;
        }
        Self(bits)
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `place` is one of them.
    pub const fn contain(self, place: Place) -> bool {
        self.0 & place as u16 != 0
    }

    /// Whether a place of the screens is among them.
    pub const fn are_on_screens(self) -> bool {
        self.0 & !(Place::Plain as u16) != 0
    }

    /// Whether there is a place in both, where the same key could not mean two things.
    pub const fn overlap(self, other: Self) -> bool {
        self.0 & other.0 & !(Place::Plain as u16) != 0
    }
}

pub(super) const READINESS: Places = Places::of(&[Place::Panes, Place::Findings]);
pub(super) const LISTS: Places = READINESS.and(Places::of(&[Place::Log, Place::Unread]));
pub(super) const PLAN: Places = Places::of(&[Place::Plan]);
pub(super) const ASK: Places = Places::of(&[Place::Ask]);
pub(super) const SCREENS: Places = LISTS.and(Places::of(&[Place::Detail, Place::Help])).and(PLAN);
pub(super) const TYPING: Places = Places::of(&[Place::Filter, Place::Palette, Place::Prompt]);
pub(super) const PLAIN: Places = Places::of(&[Place::Plain]);
pub(super) const REPLAY: Places = Places::of(&[Place::Replay]);
pub(super) const FINDING: Places = READINESS.and(Places::of(&[Place::Detail]));
