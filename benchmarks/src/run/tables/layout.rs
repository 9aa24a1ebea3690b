//! Lists and tables in Markdown. Pure.

/// A table whose columns line up; the first is a name, the others are numbers. Columns without any are left out.
pub(crate) fn table(headers: &[&str], rows: &[Vec<String>]) -> String {
    let columns = headers.iter().enumerate().filter_map(|(index, header)| {
        let cells: Vec<&str> = rows
            .iter()
            .map(|row| row.get(index).map_or("", String::as_str))
            .collect();
        let has_any = index == 0 || cells.iter().any(|cell| !cell.is_empty());
        has_any.then_some(Column {
            header,
            cells,
            is_name: index == 0,
        })
    });
    let columns: Vec<Vec<String>> = columns.map(|column| column.lines()).collect();
    let line = |index: usize| {
        let cells = columns.iter().filter_map(|lines| lines.get(index));
        let cells: Vec<&str> = cells.map(String::as_str).collect();
        format!("| {} |", cells.join(" | "))
    };
    let lines: Vec<String> = (0..rows.len() + 2).map(line).collect();
    lines.join("\n")
}

struct Column<'a> {
    header: &'a str,
    cells: Vec<&'a str>,
    is_name: bool,
}

impl Column<'_> {
    /// The header, the rule, the cells, all of one width.
    fn lines(&self) -> Vec<String> {
        let widths = self.cells.iter().map(|cell| width(cell));
        let width = widths.chain([width(self.header), 3]).max().unwrap_or(3);
        let padded = |cell: &&str| {
            if self.is_name {
                format!("{cell:<width$}")
            } else {
                format!("{cell:>width$}")
            }
        };
        let rule = if self.is_name {
            "-".repeat(width)
        } else {
            format!("{}:", "-".repeat(width - 1))
        };
        let mut lines = vec![padded(&self.header), rule];
        lines.extend(self.cells.iter().map(padded));
        lines
    }
}

/// Characters, which is what terminals and the padding of `format!` count.
fn width(text: &str) -> usize {
    text.chars().count()
}

/// Lines with a dash in front.
pub(crate) fn list(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("- {line}")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_empty_ones_are_left_out() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [row(["a", "", "12.50 µs"]), row(["long name", "", "3"])];
        let expected = "\
|           | processor |
| --------- | --------: |
| a         |  12.50 µs |
| long name |         3 |";
        assert_eq!(table(&["", "empty", "processor"], &rows), expected);
    }
}
