//! Tables: aligned for people, Markdown for reviews, CSV for spreadsheets.

use super::terminal::{Style, Terminal};

/// Narrower no column becomes.
const NARROWEST: usize = 12;
/// Between two columns.
const GAP: &str = "  ";

/// Headings and rows, each with as many cells as there are headings.
#[derive(Debug)]
pub struct Table {
    /// In capitals.
    pub headings: Vec<String>,
    /// The cells, row by row.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Leaves out columns in which nothing stands.
    pub fn without_empty_columns(mut self) -> Self {
        let is_filled =
            |index: usize| self.rows.iter().any(|row| row.get(index).is_some_and(|cell| !cell.is_empty()));
        let filled: Vec<bool> = (0..self.headings.len()).map(is_filled).collect();
        let keep = |cells: &mut Vec<String>| {
            let mut filled = filled.iter();
            cells.retain(|_| filled.next().copied().unwrap_or_default());
        };
        keep(&mut self.headings);
        self.rows.iter_mut().for_each(keep);
        self
    }

    /// Aligned. On a terminal cells are broken where the line would be, and a table that does not fit even so is
    /// written row by row; in a pipe a row is a line.
    pub fn human(&self, terminal: &Terminal) -> String {
        let widths = self.widths(terminal.page());
        if let Some(page) = terminal.page().filter(|page| is_wider(&widths, *page)) {
            return self.blocks(page, terminal);
        }
        let mut text = String::new();
        for line in lines(&self.headings, &widths) {
            text.push_str(&terminal.paint(Style::Strong, &line));
            text.push('\n');
        }
        for line in self.rows.iter().flat_map(|row| lines(row, &widths)) {
            text.push_str(&line);
            text.push('\n');
        }
        text
    }

    /// The width of each column: what it needs, or less where the page is too narrow for all.
    fn widths(&self, page: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = self.headings.iter().map(|cell| cell.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        // Words are kept whole where that is possible at all.
        let words: Vec<usize> = (0..widths.len()).map(|column| self.longest_word(column)).collect();
        for least in [words, vec![NARROWEST; widths.len()]] {
            while page.is_some_and(|page| is_wider(&widths, page)) {
                let shrinking = widths.iter_mut().zip(&least).filter(|(width, least)| **width > **least);
                let Some((widest, _)) = shrinking.max_by_key(|(width, _)| **width) else { break };
                *widest -= 1;
            }
        }
        widths
    }

    /// A row is a few lines, each a heading and its cell.
    fn blocks(&self, page: usize, terminal: &Terminal) -> String {
        let widest = self.headings.iter().map(|heading| heading.chars().count()).max().unwrap_or_default();
        let room = page.saturating_sub(widest + GAP.len()).max(NARROWEST);
        let mut text = String::new();
        for (index, row) in self.rows.iter().enumerate() {
            if index > 0 {
                text.push('\n');
            }
            for (heading, cell) in self.headings.iter().zip(row).filter(|(_, cell)| !cell.is_empty()) {
                let mut heading = heading.as_str();
                for piece in broken(cell, room) {
                    let shown = terminal.paint(Style::Strong, &format!("{heading:widest$}"));
                    text.push_str(&format!("{shown}{GAP}{piece}\n"));
                    heading = "";
                }
            }
        }
        text
    }

    fn longest_word(&self, column: usize) -> usize {
        let cells = self.rows.iter().chain([&self.headings]).filter_map(|row| row.get(column));
        let words = cells.flat_map(|cell| cell.split(' ')).map(|word| word.chars().count());
        words.max().unwrap_or_default().max(NARROWEST)
    }

    /// A table of GitHub-flavoured Markdown.
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| {
            let cells: Vec<String> =
                cells.iter().map(|cell| cell.replace('\\', "\\\\").replace('|', "\\|")).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let rule: Vec<String> = self.headings.iter().map(|_| "---".to_owned()).collect();
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        format!("{}{}{rows}", line(&self.headings), line(&rule))
    }

    /// RFC 4180, with headings in lower case.
    pub fn csv(&self) -> String {
        let line = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| field(cell)).collect();
            cells.join(",") + "\r\n"
        };
        let headings: Vec<String> = self.headings.iter().map(|cell| cell.to_lowercase()).collect();
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        line(&headings) + &rows
    }
}

/// Whether columns of these widths do not fit.
fn is_wider(widths: &[usize], page: usize) -> bool {
    let gaps = widths.len().saturating_sub(1) * GAP.len();
    widths.iter().sum::<usize>() + gaps > page
}

/// Quoted where need be, and never a formula.
fn field(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

fn lines(cells: &[String], widths: &[usize]) -> Vec<String> {
    let broken: Vec<Vec<String>> =
        cells.iter().zip(widths).map(|(cell, width)| broken(cell, *width)).collect();
    let height = broken.iter().map(Vec::len).max().unwrap_or_default();
    let line = |index: usize| {
        let padded = broken.iter().zip(widths).map(|(parts, width)| {
            let part = parts.get(index).map(String::as_str).unwrap_or_default();
            format!("{part:width$}")
        });
        padded.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    (0..height).map(line).collect()
}

/// A cell in pieces that fit, broken between words where that is possible.
fn broken(cell: &str, width: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for word in cell.split(' ') {
        let mut letters: Vec<char> = word.chars().collect();
        let last = |pieces: &[String]| pieces.last().map_or(0, |piece| piece.chars().count());
        let used = last(&pieces);
        if used > 0 && used + 1 + letters.len() > width {
            pieces.push(String::new());
        } else if used > 0 {
            letters.insert(0, ' ');
        }
        for letter in letters {
            if last(&pieces) >= width.max(1) {
                pieces.push(String::new());
            }
            if let Some(piece) = pieces.last_mut() {
                piece.push(letter);
            }
        }
    }
    pieces
}
