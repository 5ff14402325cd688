//! A screen as SVG: runs of equal style as text on a grid, lines of frames as lines, so that they join in any font.

use std::fmt::Write as _;

use kubelift::ui::cockpit::colour::rgb;
use kubelift::ui::cockpit::glyphs::UNICODE;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier, Style};
use unicode_width::UnicodeWidthStr as _;

/// The size of a cell, in the units of the picture.
const CELL: (f32, f32) = (8.4, 18.0);
/// What is around the screen.
const MARGIN: f32 = 12.0;
/// What a terminal without colours is taken to have.
const PAPER: ([u8; 3], [u8; 3]) = ([0xe6, 0xe6, 0xe6], [0x10, 0x10, 0x10]);

/// The picture of `buffer`, whose cells have the colours of `ground` where they have none of their own.
pub(crate) fn of(buffer: &Buffer, ground: Style) -> String {
    let (columns, rows) = (buffer.area.width, buffer.area.height);
    let (width, height) =
        (f32::from(columns) * CELL.0 + 2.0 * MARGIN, f32::from(rows) * CELL.1 + 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.1} {height:.1}\" width=\"{width:.0}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"14\">\n"
    );
    let colours = Colours::of(ground);
    let _ = writeln!(svg, "<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{}\"/>", hex(colours.ground));
    for (y, row) in buffer.content.chunks(usize::from(columns).max(1)).enumerate() {
        draw_row(&mut svg, &colours, y, row);
    }
    svg.push_str("</svg>\n");
    svg
}

/// A run of cells of one style.
struct Run {
    x: usize,
    columns: usize,
    text: String,
    style: Style,
}

fn draw_row(svg: &mut String, colours: &Colours, y: usize, row: &[Cell]) {
    let top = MARGIN + y as f32 * CELL.1;
    draw_grounds(svg, colours, top, row);
    let mut runs: Vec<Run> = Vec::new();
    let mut covered = 0;
    for (x, cell) in row.iter().enumerate() {
        let style = cell.style();
        let symbol = if covered > 0 { "" } else { cell.symbol() };
        covered = if covered > 0 { covered - 1 } else { symbol.width().max(1) - 1 };
        let line = UNICODE.lines.iter().rposition(|line| *line == symbol).filter(|bits| *bits > 0);
        if let Some(bits) = line {
            draw_line(svg, colours.of_cell(style).0, x, top, bits);
        }
        let symbol = if line.is_some() { " " } else { symbol };
        // Blanks end a run, so that a font of another width shifts nothing that is far away.
        let ends = |run: &Run| run.style != style || (symbol == " ") != (run.text.ends_with(' '));
        match runs.last_mut().filter(|run| !ends(run)) {
            Some(run) => {
                run.columns += 1;
                run.text.push_str(symbol);
            }
            None => runs.push(Run { x, columns: 1, text: symbol.to_owned(), style }),
        }
    }
    for run in runs.iter().filter(|run| !run.text.trim().is_empty()) {
        draw_text(svg, colours, run, top);
    }
}

/// Draws what is behind the text, a rectangle for each run of one colour.
fn draw_grounds(svg: &mut String, colours: &Colours, top: f32, row: &[Cell]) {
    let grounds: Vec<[u8; 3]> = row.iter().map(|cell| colours.of_cell(cell.style()).1).collect();
    let mut x = 0;
    for run in grounds.chunk_by(|a, b| a == b) {
        if let Some(ground) = run.first().filter(|ground| **ground != colours.ground) {
            let (left, width) = (MARGIN + x as f32 * CELL.0, run.len() as f32 * CELL.0);
            let _ = writeln!(
                svg,
                "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{}\"/>",
                CELL.1,
                hex(*ground)
            );
        }
        x += run.len();
    }
}

fn draw_text(svg: &mut String, colours: &Colours, run: &Run, top: f32) {
    let (x, width) = (MARGIN + run.x as f32 * CELL.0, run.columns as f32 * CELL.0);
    let mut attributes = String::new();
    for (modifier, attribute) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
    ] {
        if run.style.add_modifier.contains(modifier) {
            attributes.push_str(attribute);
        }
    }
    let text = run.text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{width:.1}\" fill=\"{}\"{attributes}>{text}</text>",
        top + 13.5,
        hex(colours.of_cell(run.style).0)
    );
}

/// Draws the line of a frame: from the middle of the cell to where `bits` say, up, right, down, left.
fn draw_line(svg: &mut String, colour: [u8; 3], x: usize, top: f32, bits: usize) {
    let (left, right) = (MARGIN + x as f32 * CELL.0, MARGIN + (x + 1) as f32 * CELL.0);
    let (middle, centre, bottom) = ((left + right) / 2.0, top + CELL.1 / 2.0, top + CELL.1);
    let mut path = String::new();
    for (bit, (x, y)) in
        [(1, (middle, top)), (2, (right, centre)), (4, (middle, bottom)), (8, (left, centre))]
    {
        if bits & bit != 0 {
            let _ = write!(path, "M{middle:.1} {centre:.1}L{x:.1} {y:.1}");
        }
    }
    let _ = writeln!(svg, "<path d=\"{path}\" stroke=\"{}\" fill=\"none\"/>", hex(colour));
}

/// The colours of a screen.
struct Colours {
    text: [u8; 3],
    ground: [u8; 3],
}

impl Colours {
    fn of(ground: Style) -> Self {
        let or = |colour: Option<Color>, other| colour.and_then(rgb).unwrap_or(other);
        Self { text: or(ground.fg, PAPER.0), ground: or(ground.bg, PAPER.1) }
    }

    /// Text and ground of a cell.
    fn of_cell(&self, style: Style) -> ([u8; 3], [u8; 3]) {
        let text = style.fg.and_then(rgb).unwrap_or(self.text);
        let ground = style.bg.and_then(rgb).unwrap_or(self.ground);
        if style.add_modifier.contains(Modifier::REVERSED) { (ground, text) } else { (text, ground) }
    }
}

fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}
