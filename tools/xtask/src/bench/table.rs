//! Printing figures beside their goals.

use anyhow::Result;

/// A row with its figure.
pub struct Line {
    /// What was counted.
    pub operation: &'static str,
    /// The figure, or why there is none.
    pub figure: Result<u64>,
    /// At most this.
    pub goal: Option<u64>,
}

impl Line {
    fn cells(&self) -> [String; 4] {
        let goal = self.goal.map(|goal| format!("≤ {}", grouped(goal))).unwrap_or_default();
        let (figure, verdict) = match &self.figure {
            Ok(figure) => {
                (grouped(*figure), self.goal.map_or("", |goal| if *figure <= goal { "met" } else { "not yet" }))
            }
            Err(_) => ("none".to_owned(), "failed"),
        };
        [self.operation.to_owned(), figure, goal, verdict.to_owned()]
    }
}

/// A table in Markdown, and below it what went wrong.
pub fn render(lines: &[Line]) -> String {
    let mut rows = vec![["operation", "figure", "goal", ""].map(str::to_owned)];
    rows.extend(lines.iter().map(Line::cells));
    let widths: Vec<usize> =
        (0..4).map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let [a, b, c, d] = row;
        let [wa, wb, wc, wd] = [widths[0], widths[1], widths[2], widths[3]];
        text.push_str(&format!("| {a:wa$} | {b:>wb$} | {c:>wc$} | {d:wd$} |\n"));
        if index == 0 {
            let dash = |width: usize| "-".repeat(width + 1);
            text.push_str(&format!("|{}-|{}:|{}:|{}-|\n", dash(wa), dash(wb), dash(wc), dash(wd)));
        }
    }
    // Rows of one run fail for one reason.
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for line in lines {
        let Err(error) = &line.figure else { continue };
        let reason = format!("{error:#}");
        match reasons.iter_mut().find(|(other, _)| *other == reason) {
            Some((_, operations)) => operations.push(line.operation),
            None => reasons.push((reason, vec![line.operation])),
        }
    }
    for (reason, operations) in reasons {
        text.push_str(&format!("\n{}: {reason}\n", operations.join("\n")));
    }
    text
}

/// A number with its digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_digits() {
        let texts = [0, 999, 1000, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn judges_against_the_goal() {
        let line = |figure, goal| Line { operation: "x", figure: Ok(figure), goal };
        let text = render(&[line(5, Some(5)), line(6, Some(5)), line(7, None)]);
        let verdicts: Vec<&str> =
            text.lines().skip(2).filter_map(|line| line.split('|').nth(4)).map(str::trim).collect();
        assert_eq!(verdicts, ["met", "not yet", ""]);
    }

    #[test]
    fn a_reason_is_given_once() {
        let line = |operation| Line { operation, figure: Err(anyhow::anyhow!("it burnt")), goal: None };
        assert!(render(&[line("a"), line("b")]).ends_with("\na\nb: it burnt\n"));
    }
}
