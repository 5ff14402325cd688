//! Where one is in a list, and which part of it is seen.

/// A way to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Motion {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
}

impl Motion {
    /// Where it leads from `at`, in a list of `len` lines seen `page` at a time.
    const fn from(self, at: usize, len: usize, page: usize) -> usize {
        // A page keeps one line, so that the eye finds where it was.
        let leap = if page > 1 { page - 1 } else { 1 };
        match self {
            Self::Up => at.saturating_sub(1),
            Self::Down => at.saturating_add(1),
            Self::PageUp => at.saturating_sub(leap),
            Self::PageDown => at.saturating_add(leap),
            Self::First => 0,
            Self::Last => len.saturating_sub(1),
        }
    }
}

/// The chosen line of a list, and the first line that is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    /// The chosen line.
    pub at: usize,
    /// The first line that is seen.
    pub top: usize,
}

impl Cursor {
    /// Moves the choice.
    pub fn go(&mut self, motion: Motion, len: usize, page: usize) {
        self.at = motion.from(self.at, len, page);
        self.settle(len, page);
    }

    /// Moves what is seen, of a text that has no chosen line.
    pub fn scroll(&mut self, motion: Motion, len: usize, page: usize) {
        let furthest = len.saturating_sub(page);
        self.top = match motion {
            Motion::Last => furthest,
            motion => motion.from(self.top, len, page).min(furthest),
        };
        self.at = self.top;
    }

    /// Keeps what is seen within a text that has no chosen line.
    pub fn settle_scroll(&mut self, len: usize, page: usize) {
        self.top = self.top.min(len.saturating_sub(page));
        self.at = self.top;
    }

    /// Keeps the choice within the list, and in sight.
    pub fn settle(&mut self, len: usize, page: usize) {
        let page = page.max(1);
        self.at = self.at.min(len.saturating_sub(1));
        self.top = self.top.min(len.saturating_sub(page)).min(self.at);
        if self.at >= self.top.saturating_add(page) {
            self.top = self.at + 1 - page;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn motions() -> impl Strategy<Value = Motion> {
        prop::sample::select(vec![
            Motion::Up,
            Motion::Down,
            Motion::PageUp,
            Motion::PageDown,
            Motion::First,
            Motion::Last,
        ])
    }

    #[test]
    fn a_page_keeps_one_line() {
        let mut cursor = Cursor::default();
        cursor.go(Motion::PageDown, 100, 10);
        assert_eq!(cursor, Cursor { at: 9, top: 0 });
        cursor.go(Motion::PageDown, 100, 10);
        assert_eq!(cursor, Cursor { at: 18, top: 9 });
        cursor.go(Motion::Last, 100, 10);
        assert_eq!(cursor, Cursor { at: 99, top: 90 });
        cursor.scroll(Motion::PageUp, 100, 10);
        assert_eq!(cursor.top, 81);
    }

    proptest! {
        #[test]
        fn the_choice_is_in_the_list_and_in_sight(
            steps in prop::collection::vec((motions(), 0usize..30, 0usize..12), 0..40),
        ) {
            let mut cursor = Cursor::default();
            for (motion, len, page) in steps {
                cursor.go(motion, len, page);
                prop_assert!(cursor.at < len.max(1));
                prop_assert!(cursor.top <= cursor.at && cursor.at < cursor.top + page.max(1));
                prop_assert!(cursor.top == 0 || cursor.top + page.max(1) <= len);
            }
        }
    }
}
