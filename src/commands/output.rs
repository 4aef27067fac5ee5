//! How the result of a command is written.

use std::io::{Write, stdout};

use clap::ValueEnum;
use serde::Serialize;

use super::Failed;

/// A form of a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
}

impl Output {
    /// Writes a result to standard output. `table` is its form for people.
    pub(super) fn write(
        self,
        result: &impl Serialize,
        table: impl FnOnce() -> String,
    ) -> Result<(), Failed> {
        let text = match self {
            Self::Table => table(),
            Self::Json => serde_json::to_string_pretty(result)? + "\n",
            Self::Yaml => serde_saphyr::to_string(result)?,
        };
        stdout().write_all(text.as_bytes())?;
        Ok(())
    }
}

/// Returns rows with aligned columns. Control characters of a cell are escaped.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|cell| cell.to_uppercase()).collect();
    let clean = |row: &Vec<String>| {
        row.iter()
            .map(|cell| cell.chars().flat_map(escaped).collect())
            .collect::<Vec<String>>()
    };
    let rows: Vec<_> = std::iter::once(head)
        .chain(rows.iter().map(clean))
        .collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    rows.iter().fold(String::new(), |mut text, row| {
        let cells: Vec<_> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        text.push_str(cells.join("   ").trim_end());
        text.push('\n');
        text
    })
}

fn escaped(letter: char) -> Vec<char> {
    if letter.is_control() {
        letter.escape_default().collect()
    } else {
        vec![letter]
    }
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_are_aligned_and_a_name_cannot_move_the_cursor() {
        let rows = [
            vec!["ada".to_owned(), "1".to_owned()],
            vec!["b\u{1b}[2J\n".to_owned(), "20".to_owned()],
        ];
        let text = table(&["mailbox", "n"], &rows);
        assert_eq!(
            text,
            "MAILBOX        N\nada            1\nb\\u{1b}[2J\\n   20\n"
        );
    }
}
