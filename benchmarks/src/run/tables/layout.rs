//! Lists and tables in Markdown. Pure.

/// A table whose columns line up; the first is a name, the others are numbers.
pub(crate) fn table(headers: &[&str], rows: &[Vec<String>]) -> String {
    let cell = |row: &[String], column: usize| row.get(column).cloned().unwrap_or_default();
    let headers: Vec<String> = headers.iter().map(|header| (*header).to_owned()).collect();
    let widths: Vec<usize> = (0..headers.len())
        .map(|column| {
            let of_rows = rows.iter().map(|row| width(&cell(row, column)));
            of_rows
                .chain([width(&cell(&headers, column)), 3])
                .max()
                .unwrap_or(3)
        })
        .collect();
    let line = |row: &[String]| {
        let cells: Vec<String> = widths
            .iter()
            .enumerate()
            .map(|(column, width)| {
                let text = cell(row, column);
                if column == 0 {
                    format!("{text:<width$}")
                } else {
                    format!("{text:>width$}")
                }
            })
            .collect();
        format!("| {} |", cells.join(" | "))
    };
    let rules: Vec<String> = widths
        .iter()
        .enumerate()
        .map(|(column, width)| match column {
            0 => "-".repeat(*width),
            _ => format!("{}:", "-".repeat(width - 1)),
        })
        .collect();
    let mut lines = vec![line(&headers), line(&rules)];
    lines.extend(rows.iter().map(|row| line(row)));
    lines.join("\n")
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
    fn columns_line_up() {
        let rows = [
            vec!["a".to_owned(), "12.50 µs".to_owned()],
            vec!["long name".to_owned(), "3".to_owned()],
        ];
        let expected = "\
|           | processor |
| --------- | --------: |
| a         |  12.50 µs |
| long name |         3 |";
        assert_eq!(table(&["", "processor"], &rows), expected);
    }
}
