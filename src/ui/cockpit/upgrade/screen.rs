//! The plan: its steps, the chosen one, and the cluster's pulse.

use ratatui::layout::Rect;

use crate::actions::plan::StepState;
use crate::actions::runner::Upgrade;

use super::super::app::App;
use super::super::layout::Layout;
use super::super::panes::screen;
use super::super::theme::Role;
use super::super::widgets::{Frame, Painter, Prose};
use super::place::Places;
use super::state::{at_end, chosen};
use super::step::{self, Page};
use super::{Half, end, list, pulse};

/// Where its parts are now.
pub fn places(app: &App) -> Places {
    Places::of(app.layout(), app.guide.focus)
}

/// Draws it.
pub fn draw(app: &App, painter: &mut Painter<'_>) {
    let layout = app.layout();
    let Some(upgrade) = &app.snapshot.upgrade else { return nothing(app, painter, layout) };
    let places = places(app);
    painter.clear(layout.body);
    list::draw(app, upgrade, painter, &places);
    let left = if places.step.is_empty() { None } else { draw_step(app, upgrade, painter, &places) };
    pulse::draw(app, painter, &places);
    // After every frame, for they share their lines.
    if let Some(left) = left {
        screen::more_of(app, painter, places.step, " of the step", left);
    }
}

/// Why there is no plan.
fn nothing(app: &App, painter: &mut Painter<'_>, layout: Layout) {
    let area = screen::open(app, painter, layout.body, "Plan", "");
    let (text, role) = match &app.snapshot.no_upgrade {
        Some(why) => (format!("Nothing can be changed: {why}"), Role::Refuses),
        None => (
            "The cluster is still being read. The plan comes when enough of it is known.".to_owned(),
            Role::Reading,
        ),
    };
    let mut prose = Prose::new(area.width);
    prose.entry("", role, 0, &text, role);
    prose.draw(painter, area.x, area.y, 0, area.height);
}

/// Draws the chosen step, and says how many lines are above and below what is seen of it.
fn draw_step(
    app: &App,
    upgrade: &Upgrade,
    painter: &mut Painter<'_>,
    places: &Places,
) -> Option<(usize, usize)> {
    let area = places.step;
    let Some(step) = chosen(app) else {
        Frame::new(area, "").draw(painter);
        return None;
    };
    let focused = app.guide.focus == Half::Step;
    let (title, id) = match at_end(app) {
        true => ("The upgrade is finished", ""),
        false => (step.title.as_str(), step.id.as_str()),
    };
    if places.framed {
        Frame { note: id, focused, ..Frame::new(area, title) }.draw(painter);
    } else {
        screen::heading(painter, area, title, "");
    }
    let text = places.text();
    let Laid { page, says, output } = laid(app, upgrade, text);
    let top = app.guide.scroll.top;
    let left = page.says.draw(painter, says.x, says.y, top, says.height);
    if page.output.len() == 0 {
        return Some((top, left));
    }
    let rows = page.output.len();
    let from = rows.saturating_sub(app.guide.back + usize::from(output.height));
    let left = page.output.draw(painter, output.x, output.y, from, output.height);
    (app.guide.back > 0).then_some((from, left))
}

/// What is said of the chosen step, and what it prints, with their places.
struct Laid {
    page: Page,
    says: Rect,
    output: Rect,
}

/// At least half of the room is for what it prints, as far as it prints so much; less while it waits, for then what it
/// waits for matters more.
fn laid(app: &App, upgrade: &Upgrade, text: Rect) -> Laid {
    let page = match chosen(app) {
        Some(_) if at_end(app) => {
            Page { says: end::page(upgrade, text.width), output: Prose::new(text.width) }
        }
        Some(step) => step::page(app, upgrade, step, text.width),
        None => Page { says: Prose::new(text.width), output: Prose::new(text.width) },
    };
    let rows = |prose: &Prose| u16::try_from(prose.len()).unwrap_or(u16::MAX);
    let waits = chosen(app).is_some_and(|step| step.state == StepState::Waiting)
        || upgrade.active.as_ref().is_some_and(|active| !active.waits.is_empty());
    let share = if waits { text.height / 4 } else { text.height / 2 };
    let most = text.height - rows(&page.output).min(share);
    let says = Rect { height: rows(&page.says).min(most), ..text };
    // Without an output it scrolls on the whole room.
    let says = if page.output.len() == 0 { text } else { says };
    Laid { page, says, output: Rect { y: says.bottom(), height: text.height - says.height, ..text } }
}

/// How far one can scroll: lines of what is said, what is seen of them; lines of the output, what is seen of them.
pub fn extent(app: &App) -> ((usize, usize), (usize, usize)) {
    let Some(upgrade) = &app.snapshot.upgrade else { return ((0, 0), (0, 0)) };
    let text = places(app).text();
    let Laid { page, says, output } = laid(app, upgrade, text);
    ((page.says.len(), says.height.into()), (page.output.len(), output.height.into()))
}
