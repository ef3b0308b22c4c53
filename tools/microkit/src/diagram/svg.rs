//! The graph as SVG.

use super::escape;
use super::graph::{Graph, Kind, Line, Node};
use super::layout::{Layout, Point, Size, lay_out};
use std::fmt::{Error, Write};

/// Height of a row of words, and of a box's head.
const ROW: f64 = 15.0;
const HEAD: f64 = 24.0;
/// Width of a character, of the small letters and of the bold ones in the head.
const CHAR: f64 = 6.2;
const BOLD: f64 = 8.2;
/// Between a box's edge and its words.
const MARGIN: f64 = 10.0;
/// A box is not wider; longer rows are cut.
const WIDEST: usize = 42;
/// Labels on a line; the others are told when one points at it.
const LABELS: usize = 3;
/// Width of a character of theirs, and height of a row.
const LABEL_CHAR: f64 = 5.8;
const LABEL_ROW: f64 = 12.0;
/// Where on a line its words may stand, from 0 to 1, the best place first.
const LABEL_PARTS: [f64; 5] = [0.5, 0.3, 0.7, 0.15, 0.85];
/// Left of the boxes: what the ranks are.
const RANKS: f64 = 84.0;

/// What the lines mean stands below the boxes: class, arrow, words.
const LEGEND: [(&str, &str, &str); 4] = [
    ("line", "notify", "may notify"),
    ("line call", "call", "may call"),
    ("line memory", "", "shared memory only"),
    ("line family", "", "parent and child"),
];
const LEGEND_STEP: f64 = 170.0;
const LEGEND_WIDTH: f64 = LEGEND_STEP * LEGEND.len() as f64 + 20.0;
const LEGEND_HEIGHT: f64 = 28.0;

const STYLE: &str = "\
svg{font-family:'DejaVu Sans',Helvetica,Arial,sans-serif}\
.paper{fill:#fff}\
.node rect{fill:#eef3fb;stroke:#3b5b8c}\
.node.shared rect{fill:#eef7ee;stroke:#4a7a4a}\
.name{font-size:14px;font-weight:bold;fill:#1c2f4d}\
.row{font-size:11px;fill:#333}\
.device{fill:#8a4500}.memory{fill:#3a5f3a}.guest{fill:#5b2a86}.capability{fill:#a01c1c}\
.rank{font-size:11px;fill:#777}\
.line path{fill:none;stroke:#5a6b85;stroke-width:1.5}\
.line.call path{stroke:#b03030;stroke-width:2.2}\
.line.memory path{stroke:#4a7a4a}\
.line.family path{stroke-dasharray:5 4;stroke:#888}\
.label{font-size:10px;fill:#333;paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}\
.dim{opacity:.13}";

/// The picture.
pub fn picture(graph: &Graph, title: &str) -> String {
    let mut text = String::new();
    draw(graph, title, &mut text).expect("a string takes everything");
    text
}

/// What is said in a row of a box, cut where it would be too wide.
fn cut(text: &str) -> String {
    if text.chars().count() <= WIDEST {
        return text.to_owned();
    }
    text.chars().take(WIDEST - 1).chain(['\u{2026}']).collect()
}

fn size(node: &Node) -> Size {
    let rows = node.rows.iter().map(|row| cut(&row.text).chars().count()).max().unwrap_or(0) as f64 * CHAR;
    let width = rows.max(cut(&node.name).chars().count() as f64 * BOLD) + 2.0 * MARGIN;
    Size { width: width.max(90.0), height: HEAD + node.rows.len() as f64 * ROW + MARGIN / 2.0 }
}

fn draw(graph: &Graph, title: &str, out: &mut String) -> Result<(), Error> {
    let sizes: Vec<Size> = graph.nodes.iter().map(size).collect();
    let mut used: Vec<_> = graph.nodes.iter().map(|node| node.rank).collect();
    used.sort_unstable();
    used.dedup();
    let ranks: Vec<usize> = graph.nodes.iter().filter_map(|node| used.binary_search(&node.rank).ok()).collect();
    let ends: Vec<[usize; 2]> = graph.lines.iter().map(|line| line.ends).collect();
    let labels = graph.lines.iter().map(|line| line.labels.len().min(LABELS + 1)).max().unwrap_or(0) as f64;
    let layout = lay_out(&sizes, &ranks, &ends, 56.0 + 1.6 * ROW * labels);
    let (width, height) = ((layout.size.width + RANKS).max(LEGEND_WIDTH), layout.size.height + LEGEND_HEIGHT);
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" role=\"img\">"
    )?;
    writeln!(out, "<title>{}</title>\n<style>{STYLE}</style>", escape(title))?;
    for (id, color) in [("notify", "#5a6b85"), ("call", "#b03030")] {
        writeln!(
            out,
            "<marker id=\"{id}\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"9\" markerHeight=\"9\" \
             markerUnits=\"userSpaceOnUse\" orient=\"auto-start-reverse\"><path d=\"M0 0L10 5L0 10z\" fill=\"{color}\"/></marker>"
        )?;
    }
    writeln!(out, "<rect class=\"paper\" width=\"{width:.0}\" height=\"{height:.0}\"/>")?;
    for (rank, y) in used.iter().zip(&layout.ranks) {
        writeln!(out, "<text class=\"rank\" x=\"10\" y=\"{y:.0}\">{}</text>", rank.label())?;
    }
    writeln!(out, "<g transform=\"translate({RANKS:.0} 0)\">")?;
    for (index, line) in graph.lines.iter().enumerate() {
        draw_line(graph, line, &layout, index, out)?;
    }
    for (node, (corner, size)) in graph.nodes.iter().zip(layout.boxes.iter().zip(&sizes)) {
        draw_node(node, *corner, *size, out)?;
    }
    for (line, place) in graph.lines.iter().zip(label_places(graph, &layout)) {
        draw_labels(graph, line, place, out)?;
    }
    writeln!(out, "</g>")?;
    draw_legend(height - 18.0, out)?;
    writeln!(out, "</svg>")
}

fn draw_legend(y: f64, out: &mut String) -> Result<(), Error> {
    for (index, (class, arrow, words)) in LEGEND.into_iter().enumerate() {
        let x = 10.0 + index as f64 * LEGEND_STEP;
        let arrow = if arrow.is_empty() { String::new() } else { format!(" marker-end=\"url(#{arrow})\"") };
        writeln!(out, "<g class=\"{class}\"><path d=\"M{x:.0} {y:.0}h28\"{arrow}/></g>")?;
        writeln!(out, "<text class=\"rank\" x=\"{:.0}\" y=\"{:.0}\">{words}</text>", x + 34.0, y + 4.0)?;
    }
    Ok(())
}

fn draw_node(node: &Node, corner: Point, size: Size, out: &mut String) -> Result<(), Error> {
    let class = if node.rank.shared { "node shared" } else { "node" };
    writeln!(out, "<g class=\"{class}\" data-words=\"{}\">", escape(&words(node)))?;
    let Point { x, y } = corner;
    let Size { width, height } = size;
    writeln!(out, "<rect x=\"{x:.0}\" y=\"{y:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" rx=\"5\"/>")?;
    let x = x + MARGIN;
    writeln!(out, "<text class=\"name\" x=\"{x:.0}\" y=\"{:.0}\">{}</text>", y + 17.0, escape(&cut(&node.name)))?;
    for (index, row) in node.rows.iter().enumerate() {
        let y = y + HEAD + index as f64 * ROW + 10.0;
        let class = class_of(row.kind);
        write!(out, "<text class=\"row {class}\" x=\"{x:.0}\" y=\"{y:.0}\">{}", escape(&cut(&row.text)))?;
        writeln!(out, "<title>{}</title></text>", escape(&row.text))?;
    }
    writeln!(out, "</g>")
}

fn class_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Property => "",
        Kind::Device => "device",
        Kind::Memory => "memory",
        Kind::Guest => "guest",
        Kind::Capability => "capability",
    }
}

/// What a box can be found by.
pub fn words(node: &Node) -> String {
    let rows: Vec<&str> = node.rows.iter().map(|row| row.text.as_str()).collect();
    format!("{}\n{}", node.name, rows.join("\n"))
}

/// What a line can be found by.
pub fn line_words(graph: &Graph, line: &Line) -> String {
    let names = line.ends.map(|end| graph.nodes[end].name.as_str());
    format!("{}\n{}", names.join(" \u{2013} "), line.labels.join("\n"))
}

/// What a line carries, by its looks.
fn line_class(line: &Line) -> &'static str {
    if line.called != [false; 2] {
        "line call"
    } else if line.family {
        "line family"
    } else if line.arrows == [false; 2] {
        "line memory"
    } else {
        "line"
    }
}

fn draw_line(graph: &Graph, line: &Line, layout: &Layout, index: usize, out: &mut String) -> Result<(), Error> {
    let points = &layout.lines[index];
    let upper = layout.upper[index];
    let mut path = format!("M{:.0} {:.0}", points[0].x, points[0].y);
    for (index, pair) in points.windows(2).enumerate() {
        let [from, to] = [pair[0], pair[1]];
        if index % 2 == 1 {
            write!(path, "L{:.0} {:.0}", to.x, to.y)?;
            continue;
        }
        // Within a row it hangs below the boxes.
        let (down, up) = if points.len() == 2 && line_in_row(from, to, layout, line) {
            (from.y.max(to.y) + 40.0, from.y.max(to.y) + 40.0)
        } else {
            let middle = f64::midpoint(from.y, to.y);
            (middle, middle)
        };
        write!(path, "C{:.0} {down:.0} {:.0} {up:.0} {:.0} {:.0}", from.x, to.x, to.x, to.y)?;
    }
    let marker = |end: usize| match (line.called[end], line.arrows[end]) {
        (true, _) => Some("call"),
        (false, true) => Some("notify"),
        (false, false) => None,
    };
    let [start, end] = [upper, 1 - upper].map(marker);
    let start = start.map(|id| format!(" marker-start=\"url(#{id})\"")).unwrap_or_default();
    let end = end.map(|id| format!(" marker-end=\"url(#{id})\"")).unwrap_or_default();
    let words = escape(&line_words(graph, line));
    writeln!(out, "<g class=\"{}\" data-words=\"{words}\"><path d=\"{path}\"{start}{end}/></g>", line_class(line))
}

/// Whether both ends of a line are in one row: then both points are at the lower edges of boxes.
fn line_in_row(from: Point, to: Point, layout: &Layout, line: &Line) -> bool {
    let tops = line.ends.map(|end| layout.boxes[end].y);
    (tops[0] - tops[1]).abs() < 0.5 && from.y > tops[0] && to.y > tops[0]
}

/// The middles of each line's words: in the room below its upper end, where they meet no others' if there is such a place.
fn label_places(graph: &Graph, layout: &Layout) -> Vec<Point> {
    let mut taken: Vec<(Point, Size)> = Vec::new();
    for (index, line) in graph.lines.iter().enumerate() {
        let [from, to] = [layout.lines[index][0], layout.lines[index][1]];
        let rows = shown(line);
        let widest = rows.iter().map(|row| row.chars().count()).max().unwrap_or(0);
        let size = Size { width: widest as f64 * LABEL_CHAR, height: rows.len() as f64 * LABEL_ROW };
        let bow = if line_in_row(from, to, layout, line) { 30.0 } else { 0.0 };
        let places = LABEL_PARTS.map(|part| on_curve(from, to, part)).map(|place| Point { y: place.y + bow, ..place });
        let free = |place: &&Point| !taken.iter().any(|(other, others)| meet(**place, size, *other, *others));
        let place = places.iter().find(free).unwrap_or(&places[0]);
        taken.push((*place, size));
    }
    taken.into_iter().map(|(place, _)| place).collect()
}

/// Whether two rectangles overlap, by their middles and sizes.
fn meet(one: Point, size: Size, other: Point, others: Size) -> bool {
    (one.x - other.x).abs() < f64::midpoint(size.width, others.width)
        && (one.y - other.y).abs() < f64::midpoint(size.height, others.height)
}

fn draw_labels(graph: &Graph, line: &Line, place: Point, out: &mut String) -> Result<(), Error> {
    let rows = shown(line);
    let top = place.y + 4.0 - (rows.len() as f64 - 1.0) * LABEL_ROW / 2.0;
    let words = escape(&line_words(graph, line));
    writeln!(out, "<g class=\"words\" data-words=\"{words}\"><title>{words}</title>")?;
    for (row, text) in rows.iter().enumerate() {
        let (x, y) = (place.x, top + row as f64 * LABEL_ROW);
        writeln!(
            out,
            "<text class=\"label\" text-anchor=\"middle\" x=\"{x:.0}\" y=\"{y:.0}\">{}</text>",
            escape(text)
        )?;
    }
    writeln!(out, "</g>")
}

fn shown(line: &Line) -> Vec<String> {
    let mut rows: Vec<String> = line.labels.iter().take(LABELS).cloned().collect();
    if line.labels.len() > LABELS {
        rows.push(format!("and {} more", line.labels.len() - LABELS));
    }
    rows
}

/// A point of the curve from row to row.
fn on_curve(from: Point, to: Point, part: f64) -> Point {
    let middle = f64::midpoint(from.y, to.y);
    let rest = 1.0 - part;
    let (b0, b1, b2, b3) = (rest.powi(3), 3.0 * rest * rest * part, 3.0 * rest * part * part, part.powi(3));
    Point { x: (b0 + b1) * from.x + (b2 + b3) * to.x, y: b0 * from.y + (b1 + b2) * middle + b3 * to.y }
}
