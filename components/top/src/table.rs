//! The table as text.

use alloc::{string::String, vec::Vec};
use core::cmp::Reverse;
use core::fmt::Write;

use ivc::remote::Size;

use crate::sample::{Meter, Value};

/// By what the rows are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As the description has them.
    #[default]
    Description,
    /// Those that use most time first.
    Time,
    /// Those whose first counter has most first.
    Counter,
}

/// How the table is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// The order of the rows.
    pub order: Order,
    /// All that was counted since the system's start, not what a second brings.
    pub totals: bool,
}

/// How long was looked at: counts of the counter, and how many of them are a second.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Since the last look.
    pub recent: u64,
    /// Since the system's start.
    pub total: u64,
    /// In a second.
    pub frequency: u64,
}

impl Span {
    fn of(self, style: Style) -> u64 {
        if style.totals { self.total } else { self.recent }
    }

    fn milliseconds(self, style: Style) -> u128 {
        u128::from(self.of(style)) * 1000 / u128::from(self.frequency.max(1))
    }

    /// So many in a second.
    fn rate(self, recent: u64) -> u64 {
        let rate = u128::from(recent) * u128::from(self.frequency) / u128::from(self.recent.max(1));
        u64::try_from(rate).unwrap_or(u64::MAX)
    }

    /// Hundredths of a percent that so many microseconds are.
    fn share(self, style: Style, microseconds: u64) -> u128 {
        let all = u128::from(self.of(style)) * 1_000_000 / u128::from(self.frequency.max(1));
        u128::from(microseconds) * 10_000 / all.max(1)
    }
}

fn chosen(style: Style, value: Value) -> u64 {
    if style.totals { value.total } else { value.recent }
}

/// Writes the table. In a terminal of a known size it takes the whole screen, from its upper left corner, and lines are cut; without
/// one, lines follow what was there.
pub fn write(out: &mut String, meters: &[Meter<'_>], span: Span, style: Style, size: Option<Size>) {
    let mut rows: Vec<&Meter<'_>> = meters.iter().collect();
    match style.order {
        Order::Description => {}
        Order::Time => rows.sort_by_key(|meter| Reverse(chosen(style, meter.time))),
        Order::Counter => rows.sort_by_key(|meter| Reverse(meter.first().map(|&(_, value)| chosen(style, value)))),
    }
    let heading = heading(meters, span, style);
    let lines = core::iter::once(heading).chain(rows.into_iter().map(|meter| row(meter, span, style)));
    let Some(size) = size else {
        lines.for_each(|line| out.extend([line.as_str(), "\r\n"]));
        return;
    };
    out.push_str("\x1b[H");
    for (index, line) in lines.take(size.rows.into()).enumerate() {
        // Lines end before the last one of the screen, which would move.
        out.push_str(if index > 0 { "\r\n" } else { "" });
        out.extend(line.chars().take(usize::from(size.columns).saturating_sub(1)));
        out.push_str("\x1b[K");
    }
    out.push_str("\x1b[J");
}

fn heading(meters: &[Meter<'_>], span: Span, style: Style) -> String {
    let used = meters.iter().map(|meter| chosen(style, meter.time)).sum();
    let milliseconds = span.milliseconds(style);
    let mut line = String::new();
    let what = if style.totals { "since the start" } else { "last" };
    // A `String` takes all.
    let _ = write!(line, "{what}: {}.{:03} s, ", milliseconds / 1000, milliseconds % 1000);
    write_share(&mut line, span.share(style, used));
    let per = if style.totals { "totals" } else { "in a second" };
    let _ = write!(line, " of a core, {per}; h for help");
    line
}

fn write_share(line: &mut String, share: u128) {
    let _ = write!(line, "{:3}.{:02} %", share / 100, share % 100);
}

fn row(meter: &Meter<'_>, span: Span, style: Style) -> String {
    let mut line = String::new();
    let _ = write!(line, "{:16} ", meter.name);
    if meter.is_timed() {
        write_share(&mut line, span.share(style, chosen(style, meter.time)));
    } else {
        let _ = write!(line, "{:>8}", "-");
    }
    let number = |value: Value| if style.totals { value.total } else { span.rate(value.recent) };
    let Some(((name, value), others)) = meter.counters.split_first() else { return line };
    let _ = write!(line, " {:9} {:8}", number(*value), name.as_str());
    let mut others: Vec<_> = others.iter().map(|(name, value)| (number(*value), name)).collect();
    others.retain(|&(number, _)| number > 0);
    others.sort_by_key(|&(number, _)| Reverse(number));
    for (number, name) in others {
        let _ = write!(line, "  {} {number}", name.as_str());
    }
    line
}
