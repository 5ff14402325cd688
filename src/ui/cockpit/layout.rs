//! Where things are, by the size of the terminal alone: the same for drawing and for moving by pages.

use ratatui::layout::Rect;

use super::app::Focus;
use super::widgets::Frame;

/// The smallest terminal that is drawn on, in columns and rows.
pub const SMALLEST: (u16, u16) = (40, 12);

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Less than [`SMALLEST`].
    TooSmall,
    /// For one line a pane, without frames.
    Compact,
    /// For one half of the first screen at a time.
    Middle,
    /// For both halves, side by side.
    Wide,
}

/// The parts of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// How much room there is.
    pub room: Room,
    /// Two lines: the cluster, route, kind of session, freshness.
    pub header: Rect,
    /// Everything else.
    pub body: Rect,
    /// One or two lines in a replay: what happened last, and where it is. Otherwise empty.
    pub bar: Rect,
    /// One line: keys, what is typed, what was done.
    pub footer: Rect,
}

impl Layout {
    /// The parts of a screen of `size` columns and rows.
    pub const fn of((columns, rows): (u16, u16)) -> Self {
        let room = if columns < SMALLEST.0 || rows < SMALLEST.1 {
            Room::TooSmall
        } else if columns < 60 || rows < 16 {
            Room::Compact
        } else if columns < 100 || rows < 22 {
            Room::Middle
        } else {
            Room::Wide
        };
        let header = if rows < 2 { rows } else { 2 };
        let footer = if rows > header { 1 } else { 0 };
        Self {
            room,
            header: Rect { x: 0, y: 0, width: columns, height: header },
            body: Rect { x: 0, y: header, width: columns, height: rows - header - footer },
            bar: Rect { x: 0, y: rows - footer, width: columns, height: 0 },
            footer: Rect { x: 0, y: rows - footer, width: columns, height: footer },
        }
    }

    /// The same with a line above the footer that says where a replay is, and where there is room one more that says
    /// what happened last, if `told`.
    pub const fn with_bar(self, told: bool) -> Self {
        let height = match (self.body.height, self.framed() && told) {
            (0, _) => 0,
            (_, false) => 1,
            (_, true) => 2,
        };
        Self {
            body: Rect { height: self.body.height - height, ..self.body },
            bar: Rect { y: self.bar.y - height, height, ..self.bar },
            ..self
        }
    }

    /// Whether there are frames.
    pub const fn framed(self) -> bool {
        matches!(self.room, Room::Middle | Room::Wide)
    }

    /// The area for the lines of a screen in `area`: within the frame, or below the title.
    pub const fn within(self, area: Rect) -> Rect {
        let inner = if self.framed() { Frame::inner(area) } else { below_title(area) };
        Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
    }

    /// The area for the lines of a screen of its own.
    pub const fn content(self) -> Rect {
        self.within(self.body)
    }

    /// The parts of a screen that is a list: the list, and the chosen line in full, which is empty where
    /// there is no room for it in a frame.
    pub const fn list(self) -> (Rect, Rect) {
        let list = self.body.height.saturating_sub(4);
        if self.framed() {
            split(self.body, list, 5)
        } else {
            let full = Rect { y: self.body.y + list, height: self.body.height - list, ..self.body };
            (Rect { height: list, ..self.body }, full)
        }
    }

    /// How many lines of such a list are seen, below the heads of its columns.
    pub const fn lines_page(self) -> usize {
        let content = self.within(self.list().0);
        content.height.saturating_sub(self.framed() as u16) as usize
    }

    /// How many lines of a text are seen.
    pub const fn text_page(self) -> usize {
        self.content().height as usize
    }

    /// The area of the palette, with its frame.
    pub fn palette(self) -> Rect {
        let width = self.body.width.min(84);
        let height = self.body.height.min(16);
        Rect { x: (self.body.width - width) / 2, y: self.body.y, width, height }
    }

    /// How many commands of the palette are seen.
    pub fn palette_page(self) -> usize {
        usize::from(self.palette().height.saturating_sub(3))
    }

    /// The parts of the first screen, where `facts` lines are known about the cluster, and the chosen one of
    /// `panes` has `findings`.
    pub const fn readiness(self, focus: Focus, facts: usize, panes: usize, findings: usize) -> Parts {
        let body = self.body;
        let nothing = Rect::ZERO;
        let none = Parts {
            framed: self.framed(),
            panes: nothing,
            facts: nothing,
            unread: nothing,
            findings: nothing,
            why: nothing,
        };
        match (self.room, focus) {
            (Room::TooSmall, _) => none,
            (Room::Compact, Focus::Panes) => Parts { panes: body, ..none },
            (Room::Compact, Focus::Findings) => Parts { findings: body, ..none },
            (Room::Middle, Focus::Panes) => {
                let list = min(panes as u16 + 2, body.height);
                let (panes, rest) = split(body, list, 4);
                let (facts, unread) = split(rest, min(facts as u16 + 2, rest.height), 4);
                Parts { panes, facts, unread, ..none }
            }
            (Room::Middle, Focus::Findings) => {
                let (findings, why) = split(body, max(table(body, findings), 6), 6);
                Parts { findings, why, ..none }
            }
            (Room::Wide, _) => {
                let left = max(44, body.width * 36 / 100);
                let left = if left > 56 { 56 } else { left };
                let column = Rect { width: left, ..body };
                let (panes, rest) = split(column, min(panes as u16 + 2, body.height), 4);
                let (facts, unread) = split(rest, min(facts as u16 + 2, rest.height), 4);
                // The frames share the line between them.
                let right = Rect { x: left - 1, width: body.width - left + 1, ..body };
                let (findings, why) = split(right, table(body, findings), 8);
                Parts { panes, facts, unread, findings, why, ..none }
            }
        }
    }
}

/// The parts of the first screen; those that are not seen are empty. Frames share their lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// Whether there are frames.
    pub framed: bool,
    /// The list of panes.
    pub panes: Rect,
    /// What is known about the cluster.
    pub facts: Rect,
    /// What was not read.
    pub unread: Rect,
    /// The findings of the chosen pane.
    pub findings: Rect,
    /// Why, and what to do.
    pub why: Rect,
}

impl Parts {
    /// How many panes are seen.
    pub const fn panes_page(&self) -> usize {
        if self.framed {
            Frame::inner(self.panes).height as usize
        } else {
            self.panes.height.saturating_sub(1) as usize
        }
    }

    /// How many findings are seen: below the heads of the columns, or below the title.
    pub const fn findings_page(&self) -> usize {
        let rows = if self.framed { Frame::inner(self.findings).height } else { self.findings.height };
        rows.saturating_sub(1) as usize
    }
}

/// An area without its first line.
pub const fn below_title(area: Rect) -> Rect {
    Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }
}

/// Two frames, one above the other, that share a line; the second is empty where it would have less than `least` rows.
const fn split(area: Rect, first: u16, least: u16) -> (Rect, Rect) {
    let rest = area.height.saturating_sub(first) + 1;
    if first < 2 || rest < least {
        return (area, Rect { x: area.x, y: area.y + area.height, width: 0, height: 0 });
    }
    (Rect { height: first, ..area }, Rect { y: area.y + first - 1, height: rest, ..area })
}

/// How high the table of `findings` is, with frame and heads: no more than it needs, nor than leaves room to
/// the reasons below it.
const fn table(body: Rect, findings: usize) -> u16 {
    let needed = if findings > 1000 { 1000 } else { findings as u16 };
    min(max(needed + 3, 7), body.height * 45 / 100)
}

const fn min(a: u16, b: u16) -> u16 {
    if a < b { a } else { b }
}

const fn max(a: u16, b: u16) -> u16 {
    if a > b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_three_sizes_have_the_three_forms() {
        assert_eq!(Layout::of((120, 40)).room, Room::Wide);
        assert_eq!(Layout::of((80, 24)).room, Room::Middle);
        assert_eq!(Layout::of((40, 12)).room, Room::Compact);
        assert_eq!(Layout::of((39, 12)).room, Room::TooSmall);
        assert_eq!(Layout::of((40, 11)).room, Room::TooSmall);
    }

    proptest! {
        #[test]
        fn every_part_is_within_the_screen(
            columns in 0u16..300, rows in 0u16..120, right: bool, bar: bool, told: bool, facts in 0usize..12, panes in 0usize..20,
            findings in 0usize..100,
        ) {
            let layout = Layout::of((columns, rows));
            let layout = if bar { layout.with_bar(told) } else { layout };
            let screen = Rect::new(0, 0, columns, rows);
            let within = |part: Rect| part.is_empty() || screen.intersection(part) == part;
            let focus = if right { Focus::Findings } else { Focus::Panes };
            let parts = layout.readiness(focus, facts, panes, findings);
            for part in [parts.panes, parts.facts, parts.unread, parts.findings, parts.why] {
                prop_assert!(within(part), "{part:?}");
            }
            prop_assert!([layout.header, layout.body, layout.bar, layout.footer, layout.palette()].into_iter().all(within));
            prop_assert_eq!(layout.header.height + layout.body.height + layout.bar.height + layout.footer.height, rows);
        }
    }
}
