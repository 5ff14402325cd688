//! The cluster's pulse, in a line.

use ratatui::layout::Rect;

use super::super::app::App;
use super::super::theme::Role;
use super::super::widgets::paint::width;
use super::super::widgets::{Frame, Painter};
use super::place::Places;
use crate::ui::pulse::{self, Beat, Count};

/// One of a count's forms.
type Form = fn(&Count) -> &String;

/// Draws it.
pub fn draw(app: &App, painter: &mut Painter<'_>, places: &Places) {
    let area = places.pulse;
    if area.is_empty() {
        return;
    }
    let line = if places.framed {
        Frame::new(area, "The cluster meanwhile").draw(painter);
        let inner = Frame::inner(area);
        Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
    } else {
        Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area }
    };
    let counts = pulse::of(&app.snapshot.evidence, app.guide.baseline);
    let room = line.width;
    let sum = |text: Form, gap: u16| -> u16 {
        counts.iter().map(|count| width(text(count)) + gap).sum::<u16>().saturating_sub(gap)
    };
    let forms: [(Form, u16); 3] =
        [(|count| &count.long, 3), (|count| &count.middle, 2), (|count| &count.short, 3)];
    let fits = forms.into_iter().find(|(text, gap)| sum(*text, *gap) <= room);
    let (text, gap) = fits.unwrap_or((|count| &count.short, 1));
    let mut x = line.x;
    for count in &counts {
        x += painter.put(x, line.y, line.right().saturating_sub(x), text(count), role(count.beat)) + gap;
    }
}

const fn role(beat: Beat) -> Role {
    match beat {
        Beat::Well => Role::Text,
        Beat::Worse => Role::Warning,
        Beat::Bad => Role::Blocker,
        Beat::Unknown => Role::Unknown,
    }
}
