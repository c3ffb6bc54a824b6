//! Aligned columns and bars, as wide as the terminal.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::os::fd::AsFd;

use rustix::termios::tcgetwinsize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::cli::sizes::human_size;
use crate::log::printable;

/// The width where none is known, in columns.
const DEFAULT_WIDTH: usize = 80;
/// The narrowest page. A narrower screen wraps its lines.
const NARROWEST: usize = 24;
/// The longest bar, in columns.
const LONGEST_BAR: usize = 40;
/// What bars get at the cost of long names, in columns.
const ENOUGH_FOR_BARS: usize = 20;
/// The shortest longest bar: where there is less room, there are none.
const SHORTEST_BAR: usize = 4;
/// The space before each row, and between columns.
const GAP: usize = 2;
/// The parts of a column, from an eighth to the whole.
const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
/// Escape sequences for a title, a bar and what follows (ECMA-48, SGR).
const BOLD: &str = "\x1b[1m";
const CYAN: &str = "\x1b[36m";
const PLAIN: &str = "\x1b[0m";

/// What the output is shown on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Screen {
    /// In columns.
    width: usize,
    /// Whether it shows characters beyond ASCII.
    is_unicode: bool,
    has_colors: bool,
}

/// One row: a name, a number, and a bar of that length.
#[derive(Debug)]
pub(super) struct Bar {
    name: String,
    number: i64,
    shown: String,
}

/// The text of a page, without the widths of its columns.
#[derive(Debug)]
pub(super) struct Page {
    screen: Screen,
    sections: Vec<Section>,
}

#[derive(Debug, Default)]
struct Section {
    title: String,
    lines: Vec<String>,
    bars: Vec<Bar>,
    values: Vec<(String, String)>,
    last: Option<String>,
}

impl Screen {
    /// Returns the screen that `output` is. Only a terminal has colors (unless `NO_COLOR` is set, <https://no-color.org>), and
    /// characters beyond ASCII if its locale has. `variable` returns the variables that are set and not empty.
    pub(super) fn new(
        output: &(impl AsFd + IsTerminal),
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let is_terminal = output.is_terminal() && variable("TERM").as_deref() != Some("dumb");
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(&variable);
        let locale = locale.unwrap_or_default().to_lowercase().replace('-', "");
        let given = variable("COLUMNS").and_then(|text| text.trim().parse().ok());
        let columns = || {
            let size = tcgetwinsize(output).ok().filter(|_| is_terminal);
            size.map(|size| usize::from(size.ws_col))
        };
        let width = given.or_else(columns).filter(|width| *width > 0);
        Self {
            width: width.unwrap_or(DEFAULT_WIDTH).max(NARROWEST),
            is_unicode: is_terminal && locale.ends_with("utf8"),
            has_colors: is_terminal && variable("NO_COLOR").is_none(),
        }
    }

    /// Returns an empty page.
    pub(super) fn page(self) -> Page {
        Page {
            screen: self,
            sections: Vec::new(),
        }
    }

    /// Returns the text without characters that change what is around them, cut to that width.
    fn fit(self, text: &str, width: usize) -> String {
        let text = printable(text);
        if text.width() <= width {
            return text.into_owned();
        }
        let end = if self.is_unicode { "…" } else { "..." };
        let end = if end.width() <= width { end } else { "" };
        let room = width.saturating_sub(end.width());
        let mut cut = String::new();
        let mut used = 0;
        for character in text.chars() {
            used += character.width().unwrap_or(0);
            if used > room {
                break;
            }
            cut.push(character);
        }
        cut + end
    }

    /// Returns a bar of `number` where `most` has `length` columns. Only 0 has none.
    fn bar(self, number: i64, most: i64, length: usize) -> String {
        let number = u128::try_from(number).unwrap_or(0);
        let most = u128::try_from(most).unwrap_or(0).max(1);
        let steps = if self.is_unicode { EIGHTHS.len() } else { 1 };
        let all = length * steps;
        let filled = (number * all as u128).div_ceil(most).min(all as u128);
        let filled = usize::try_from(filled).unwrap_or(all);
        if !self.is_unicode {
            return "#".repeat(filled);
        }
        let mut bar = "█".repeat(filled / steps);
        if let Some(part) = (filled % steps).checked_sub(1) {
            bar.push(EIGHTHS[part]);
        }
        bar
    }

    fn colored(self, color: &str, text: &str) -> String {
        match self.has_colors && !text.is_empty() {
            true => format!("{color}{text}{PLAIN}"),
            false => text.to_owned(),
        }
    }
}

impl Bar {
    /// Returns a row that shows the number.
    pub(super) fn count(name: impl Into<String>, number: i64) -> Self {
        Self {
            name: name.into(),
            number,
            shown: number.to_string(),
        }
    }

    /// Returns a row that shows the number as a size in bytes.
    pub(super) fn size(name: impl Into<String>, bytes: i64) -> Self {
        Self {
            name: name.into(),
            number: bytes,
            shown: human_size(u64::try_from(bytes).unwrap_or(0)),
        }
    }
}

impl Page {
    /// Begins a section without rows.
    pub(super) fn title(&mut self, title: &str) {
        self.sections.push(Section {
            title: title.to_owned(),
            ..Section::default()
        });
    }

    /// Adds a line to the section.
    pub(super) fn text(&mut self, line: &str) {
        if let Some(section) = self.sections.last_mut() {
            section.lines.push(line.to_owned());
        }
    }

    /// Adds a section with a row for each bar, and a last line.
    pub(super) fn bars(
        &mut self,
        title: &str,
        bars: impl Iterator<Item = Bar>,
        last: Option<String>,
    ) {
        self.sections.push(Section {
            title: title.to_owned(),
            bars: bars.collect(),
            last,
            ..Section::default()
        });
    }

    /// Adds a row without a bar to the section.
    pub(super) fn value(&mut self, name: &str, value: &str) {
        if let Some(section) = self.sections.last_mut() {
            section.values.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Returns the page. The columns of all sections have the same widths.
    pub(super) fn into_text(self) -> String {
        let screen = self.screen;
        let sections = &self.sections;
        let bars = || sections.iter().flat_map(|section| &section.bars);
        let values = || sections.iter().flat_map(|section| &section.values);
        let names = bars().map(|bar| &bar.name);
        let names = names.chain(values().map(|(name, _)| name));
        let widest_name = names.map(|name| printable(name).width()).max();
        let numbers = bars().map(|bar| bar.shown.len());
        let widest_number = numbers.chain(values().map(|(_, value)| value.len())).max();
        let number_width = widest_number.unwrap_or(0);
        // Bars are compared with each other: they get half of the rest, or enough.
        let room = screen.width.saturating_sub(2 * GAP + number_width);
        let longest_name = (room / 2).max(room.saturating_sub(ENOUGH_FOR_BARS + GAP));
        let name_width = widest_name.unwrap_or(0).min(longest_name);
        let bar_width = room.saturating_sub(name_width + GAP).min(LONGEST_BAR);
        let bar_width = Some(bar_width).filter(|width| *width >= SHORTEST_BAR);
        // Without bars, names get their room.
        let name_width = match bar_width {
            Some(_) => name_width,
            None => widest_name.unwrap_or(0).min(room),
        };

        let mut text = String::new();
        for section in sections {
            if !text.is_empty() {
                text.push('\n');
            }
            let title = screen.fit(&section.title, screen.width);
            let _ = writeln!(text, "{}", screen.colored(BOLD, &title));
            for line in &section.lines {
                let _ = writeln!(text, "{:GAP$}{}", "", screen.fit(line, screen.width - GAP));
            }
            let row = |name: &str, shown: &str| {
                let name = screen.fit(name, name_width);
                let fill = name_width - name.width().min(name_width);
                format!(
                    "{:GAP$}{name}{:fill$}{:GAP$}{shown:>number_width$}",
                    "", "", ""
                )
            };
            let most = section.bars.iter().map(|bar| bar.number).max().unwrap_or(0);
            for bar in &section.bars {
                let drawn = bar_width.map(|width| screen.bar(bar.number, most, width));
                let drawn = screen.colored(CYAN, &drawn.unwrap_or_default());
                let gap = if drawn.is_empty() { 0 } else { GAP };
                let _ = writeln!(text, "{}{:gap$}{drawn}", row(&bar.name, &bar.shown), "");
            }
            for (name, value) in &section.values {
                let _ = writeln!(text, "{}", row(name, value));
            }
            if section.bars.is_empty() && section.values.is_empty() && section.lines.is_empty() {
                let _ = writeln!(text, "{:GAP$}none", "");
            }
            if let Some(last) = &section.last {
                let _ = writeln!(text, "{:GAP$}{}", "", screen.fit(last, screen.width - GAP));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASCII: Screen = Screen {
        width: 40,
        is_unicode: false,
        has_colors: false,
    };
    const UNICODE: Screen = Screen {
        is_unicode: true,
        ..ASCII
    };

    #[test]
    fn text_is_cut_by_its_width_and_control_characters_are_escaped() {
        assert_eq!(ASCII.fit("abcdef", 6), "abcdef");
        assert_eq!(ASCII.fit("abcdefg", 6), "abc...");
        assert_eq!(UNICODE.fit("abcdefg", 6), "abcde…");
        assert_eq!(UNICODE.fit("漢字漢字", 8), "漢字漢字");
        assert_eq!(UNICODE.fit("漢字漢字", 6), "漢字…");
        assert_eq!(ASCII.fit("a\x1b[31m\u{202e}", 40), r"a\u{1b}[31m\u{202e}");
    }

    #[test]
    fn bar_is_proportional_and_only_nothing_has_none() {
        for (number, ascii, unicode) in [
            (0, "", ""),
            (1, "#", "▏"),
            (500, "##", "██"),
            (750, "###", "███"),
            (1000, "####", "████"),
        ] {
            assert_eq!(ASCII.bar(number, 1000, 4), ascii);
            assert_eq!(UNICODE.bar(number, 1000, 4), unicode);
        }
        assert_eq!(ASCII.bar(0, 0, 4), "");
        assert_eq!(UNICODE.bar(i64::MAX, i64::MAX, 4), "████");
    }

    #[test]
    fn no_line_is_wider_than_the_screen() {
        for width in NARROWEST..120 {
            for screen in [ASCII, UNICODE] {
                let mut page = Screen { width, ..screen }.page();
                page.title("a name of a file that is longer than most screens are wide");
                page.text("a line of text that is also longer than most screens are wide");
                let bars = [
                    ("short", 1),
                    ("漢字漢字漢字漢字漢字漢字漢字漢字漢字", i64::MAX / 1000),
                ];
                let bars = bars.map(|(name, number)| Bar::count(name, number));
                page.bars("a title", bars.into_iter(), Some("and more ".repeat(20)));
                page.value("value", "16384.0 PiB");
                for line in page.into_text().lines() {
                    assert!(line.width() <= width, "{width}: {line}");
                }
            }
        }
    }
}
