//! Where the parts of the plan are, by the size of the terminal and by what has the focus.

use ratatui::layout::Rect;

use super::super::layout::{Layout, Room, below_title};
use super::super::widgets::Frame;
use super::Half;

/// The parts of the plan; those that are not seen are empty. Frames share their lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// Whether there are frames.
    pub framed: bool,
    /// The list of steps.
    pub list: Rect,
    /// The chosen step.
    pub step: Rect,
    /// The cluster's pulse.
    pub pulse: Rect,
}

impl Places {
    /// Where they are.
    pub const fn of(layout: Layout, focus: Half) -> Self {
        let body = layout.body;
        let nothing = Rect::ZERO;
        let rows = if layout.framed() { 3 } else { 1 };
        let shared = layout.framed() as u16;
        let upper = Rect { height: body.height.saturating_sub(rows - shared), ..body };
        let pulse = Rect { y: body.y + body.height.saturating_sub(rows), height: rows, ..body };
        let none = Self { framed: layout.framed(), list: nothing, step: nothing, pulse };
        match (layout.room, focus) {
            (Room::TooSmall, _) => Self { pulse: nothing, ..none },
            (Room::Compact, Half::Steps) => Self { list: upper, ..none },
            (Room::Compact | Room::Middle, Half::Step) => Self { step: upper, ..none },
            (Room::Middle, Half::Steps) => {
                let height = upper.height / 2;
                let list = Rect { height, ..upper };
                let step = Rect { y: upper.y + height - 1, height: upper.height - height + 1, ..upper };
                Self { list, step, ..none }
            }
            (Room::Wide, _) => {
                let width = if body.width * 42 / 100 > 64 { 64 } else { body.width * 42 / 100 };
                let list = Rect { width, ..upper };
                let step = Rect { x: width - 1, width: upper.width - width + 1, ..upper };
                Self { list, step, ..none }
            }
        }
    }

    /// The area within a part: within its frame, or below its title.
    pub const fn within(&self, area: Rect) -> Rect {
        if self.framed { Frame::inner(area) } else { below_title(area) }
    }

    /// The area for the text about the chosen step.
    pub const fn text(&self) -> Rect {
        let inner = self.within(self.step);
        Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
    }

    /// How many rows of the list are seen.
    pub const fn list_page(&self) -> usize {
        self.within(self.list).height as usize
    }
}
