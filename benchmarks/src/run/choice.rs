//! What a run measures.

use anyhow::bail;

use super::{Options, cell::Cell, subject::Subject};

/// The name of the measurement of starts for `--only`.
const STARTS: &str = "starts";
/// The name of the measurement of held streams for `--only`.
const HELD: &str = "held";

/// The subjects and cells of a run.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) subjects: Vec<Subject>,
    pub(crate) cells: Vec<Cell>,
    pub(crate) starts: bool,
    pub(crate) held: bool,
    pub(crate) start_count: usize,
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
}

impl Choice {
    pub(crate) fn of(options: &Options) -> anyhow::Result<Self> {
        let quick = options.quick;
        let mut choice = Self::matching(quick, &options.only)?;
        choice.rounds = options.rounds.unwrap_or(choice.rounds).max(1);
        choice.seconds = options.seconds.unwrap_or(choice.seconds);
        if !(0.1..=600.0).contains(&choice.seconds) {
            bail!("--seconds is a number from 0.1 to 600");
        }
        Ok(choice)
    }

    /// A word chooses what is named so or begins so: of the subjects, if any word names one, and of the cells
    /// likewise. A whole name of a cell means that cell alone: `stream-1` is not `stream-16`.
    fn matching(quick: bool, only: &[String]) -> anyhow::Result<Self> {
        let all_cells: Vec<String> = Cell::ALL.iter().map(|cell| cell.name()).collect();
        let others = [STARTS, HELD];
        let is_name = |word: &str| all_cells.iter().any(|name| name == word);
        let is_asked = |name: &str| {
            let mut words = only.iter();
            words.any(|word| name == word || (!is_name(word) && name.starts_with(word.as_str())))
        };
        for word in only {
            let mut subjects = Subject::ALL.iter().map(|subject| subject.name());
            let mut cells = all_cells.iter().map(String::as_str).chain(others);
            if !subjects.any(|name| name.starts_with(word.as_str()))
                && !cells.any(|name| name.starts_with(word.as_str()))
            {
                let subjects = Subject::ALL.map(Subject::name).join(", ");
                let cells = all_cells.join(", ");
                bail!(
                    "--only {word}: subjects are {subjects}; cells are {cells}, {STARTS}, {HELD}"
                );
            }
        }
        let no_subject = !Subject::ALL.iter().any(|subject| is_asked(subject.name()));
        let no_cell =
            !all_cells.iter().any(|name| is_asked(name)) && !others.into_iter().any(is_asked);
        let usual_subject = |subject: Subject| {
            !quick
                || matches!(
                    subject,
                    Subject::Direct
                        | Subject::Floor
                        | Subject::NewComplete
                        | Subject::ClassicComplete
                )
        };
        let usual_cell = |cell: Cell| !quick || Cell::QUICK.contains(&cell);
        Ok(Self {
            subjects: Subject::ALL
                .into_iter()
                .filter(|subject| {
                    if no_subject {
                        usual_subject(*subject)
                    } else {
                        is_asked(subject.name())
                    }
                })
                .collect(),
            cells: Cell::ALL
                .into_iter()
                .filter(|cell| {
                    if no_cell {
                        usual_cell(*cell)
                    } else {
                        is_asked(&cell.name())
                    }
                })
                .collect(),
            starts: no_cell || is_asked(STARTS),
            held: no_cell || is_asked(HELD),
            start_count: if quick { 5 } else { 15 },
            rounds: if quick { 2 } else { 3 },
            seconds: if quick { 1.5 } else { 2.0 },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(words: &[&str]) -> Choice {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Choice::matching(false, &words).unwrap()
    }

    #[test]
    fn without_words_everything_is_measured() {
        let choice = only(&[]);
        assert_eq!(choice.subjects, Subject::ALL);
        assert_eq!(choice.cells, Cell::ALL);
        assert!(choice.starts && choice.held);
    }

    #[test]
    fn words_choose_subjects_and_cells_by_the_beginning_of_their_names() {
        let choice = only(&["floor", "new", "stream"]);
        let subjects = [Subject::Floor, Subject::NewComplete, Subject::NewBare];
        assert_eq!(choice.subjects, subjects);
        let cells = [1, 16, 64, 256].map(Cell::Stream);
        assert_eq!(choice.cells, cells);
        assert!(!choice.starts && !choice.held);
        assert_eq!(only(&["stream-1"]).cells, [Cell::Stream(1)]);
        let choice = only(&["held"]);
        assert_eq!(choice.subjects, Subject::ALL);
        assert!(choice.cells.is_empty() && choice.held && !choice.starts);
    }

    #[test]
    fn a_word_that_names_nothing_is_told() {
        let error = Choice::matching(false, &["kong".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("kong"), "{error}");
    }
}
