//! Ids of files as callers know them: each names where the file is, and is good for one caller only.
//!
//! The proof is inside the id, so that nothing has to be remembered: a file belongs to whom its id was given.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;

use crate::{
    agent::file::UpstreamFile,
    hash::{self, MacKey, hex},
};

/// Makes and reads ids of files.
#[derive(Clone)]
pub struct FileIds {
    secret: MacKey,
}

impl std::fmt::Debug for FileIds {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("FileIds")
    }
}

const PREFIX: &str = "file-";
/// Bytes of the proof: as many as nobody can guess.
const PROOF_BYTES: usize = 16;
/// Between the parts of a place; no id of the service has it.
const SEPARATOR: char = '\n';

impl FileIds {
    /// Ids under a secret that all instances share.
    pub fn new(secret: Vec<u8>) -> Self {
        Self {
            secret: MacKey::new(&secret),
        }
    }

    /// The id of `file` in `project` for `caller`: `file-<place>.<proof>`, letters, digits, `-`, `_` and `.` only.
    pub fn id(&self, caller: &str, project: &str, file: &UpstreamFile) -> String {
        let place = URL_SAFE_NO_PAD.encode(format!("{project}{SEPARATOR}{}", place(file)));
        let proof = self.proof(caller, &place);
        let proof = URL_SAFE_NO_PAD.encode(proof.get(..PROOF_BYTES).unwrap_or_default());
        format!("{PREFIX}{place}.{proof}")
    }

    /// The project and the file of an id; `None` for one that was not given to `caller`, for whatever reason.
    pub fn file(&self, caller: &str, id: &str) -> Option<(String, UpstreamFile)> {
        let (place, proof) = id.strip_prefix(PREFIX)?.split_once('.')?;
        let proof = URL_SAFE_NO_PAD.decode(proof).ok()?;
        let expected = self.proof(caller, place);
        if !bool::from(expected.get(..PROOF_BYTES)?.ct_eq(&proof)) {
            return None;
        }
        let place = String::from_utf8(URL_SAFE_NO_PAD.decode(place).ok()?).ok()?;
        let (project, place) = place.split_once(SEPARATOR)?;
        Some((project.to_owned(), file_at(place)?))
    }

    /// `name` with the mark of `caller` before its ending: `report.csv` becomes `report.gw0123456789ab.csv`. By these
    /// names the service's list of files tells whose they are.
    pub fn marked_name(&self, caller: &str, name: &str) -> String {
        let mark = self.mark(caller);
        match name.rsplit_once('.') {
            Some((stem, ending)) => format!("{stem}.{mark}.{ending}"),
            None => format!("{name}.{mark}"),
        }
    }

    /// The name without the mark of `caller`; `None` where it has none.
    pub fn unmarked_name(&self, caller: &str, name: &str) -> Option<String> {
        let mark = format!(".{}", self.mark(caller));
        let (stem, ending) = name.rsplit_once(&mark)?;
        let whole_mark = ending.is_empty() || (ending.starts_with('.') && !ending.contains(".gw"));
        whole_mark.then(|| format!("{stem}{ending}"))
    }

    fn mark(&self, caller: &str) -> String {
        let proof = self.proof(caller, "mark");
        format!("gw{}", hex(proof.get(..6).unwrap_or_default()))
    }

    fn proof(&self, caller: &str, place: &str) -> [u8; hash::LENGTH] {
        self.secret
            .sign_fields(&[b"file", caller.as_bytes(), place.as_bytes()])
    }
}

fn place(file: &UpstreamFile) -> String {
    match file {
        UpstreamFile::Agents(id) => format!("agents{SEPARATOR}{id}"),
        UpstreamFile::OpenAi { id, name } => {
            let name: String = name.chars().filter(|c| !c.is_control()).collect();
            format!("openai{SEPARATOR}{id}{SEPARATOR}{name}")
        }
        UpstreamFile::Container { container, file } => {
            format!("container{SEPARATOR}{container}{SEPARATOR}{file}")
        }
        UpstreamFile::Image { response, item } => {
            format!("image{SEPARATOR}{response}{SEPARATOR}{item}")
        }
    }
}

fn file_at(place: &str) -> Option<UpstreamFile> {
    let parts: Vec<&str> = place.split(SEPARATOR).collect();
    match *parts.as_slice() {
        ["agents", id] => Some(UpstreamFile::Agents(id.to_owned())),
        ["openai", id, name] => Some(UpstreamFile::OpenAi {
            id: id.to_owned(),
            name: name.to_owned(),
        }),
        ["container", container, file] => Some(UpstreamFile::Container {
            container: container.to_owned(),
            file: file.to_owned(),
        }),
        ["image", response, item] => Some(UpstreamFile::Image {
            response: response.to_owned(),
            item: item.to_owned(),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_id_is_good_for_its_caller_and_no_changed_one_for_anybody(
            caller in "[a-z]{0,8}",
            file in "[ -~π]{0,20}",
            at in any::<prop::sample::Index>(),
            to in "[A-Za-z0-9_.-]",
        ) {
            let ids = FileIds::new(b"secret".to_vec());
            let file = UpstreamFile::Agents(file);
            let id = ids.id(&caller, "default", &file);
            prop_assert_eq!(ids.file(&caller, &id), Some(("default".to_owned(), file)));
            prop_assert_eq!(ids.file(&format!("{caller}x"), &id), None);
            let at = at.index(id.len());
            let changed = format!("{}{to}{}", &id[..at], &id[at + 1..]);
            prop_assert!(changed == id || ids.file(&caller, &changed).is_none(), "{changed}");
        }

        #[test]
        fn any_marked_name_is_unmarked_by_its_caller_alone(
            caller in "[a-z]{1,8}",
            name in "[a-z.π ]{0,20}",
        ) {
            let ids = FileIds::new(b"secret".to_vec());
            let marked = ids.marked_name(&caller, &name);
            prop_assert_eq!(ids.unmarked_name(&caller, &marked), Some(name));
            prop_assert_eq!(ids.unmarked_name(&format!("{caller}x"), &marked), None);
        }
    }

    fn files() -> [UpstreamFile; 4] {
        let text = str::to_owned;
        [
            UpstreamFile::Agents(text("assistant-1")),
            UpstreamFile::OpenAi {
                id: text("file/../1"),
                name: text("größe.csv"),
            },
            UpstreamFile::Container {
                container: text("cntr_1"),
                file: text("cfile_1"),
            },
            UpstreamFile::Image {
                response: text("resp_1"),
                item: text("ig_1"),
            },
        ]
    }

    #[test]
    fn an_id_leads_its_caller_back_to_the_file() {
        let ids = FileIds::new(b"secret".to_vec());
        for file in files() {
            let id = ids.id("ada", "main", &file);
            assert!(
                id.chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
            );
            assert_eq!(ids.file("ada", &id), Some(("main".to_owned(), file)));
        }
    }

    #[test]
    fn names_tell_whose_a_file_is() {
        let ids = FileIds::new(b"secret".to_vec());
        for name in [
            "report.csv",
            "no ending",
            "a.tar.gz",
            ".hidden",
            "trailing.",
            "Größe.md",
        ] {
            let marked = ids.marked_name("ada", name);
            assert_eq!(
                ids.unmarked_name("ada", &marked).as_deref(),
                Some(name),
                "{marked}"
            );
            assert_eq!(ids.unmarked_name("bob", &marked), None);
        }
        assert_eq!(ids.unmarked_name("ada", "report.csv"), None);
    }

    #[test]
    fn nobody_else_can_use_it_or_make_one() {
        let ids = FileIds::new(b"secret".to_vec());
        let [file, other, ..] = files();
        let id = ids.id("ada", "main", &file);
        assert_eq!(ids.file("bob", &id), None);
        assert_eq!(FileIds::new(b"other".to_vec()).file("ada", &id), None);
        let (place, proof) = id.split_once('.').unwrap();
        let (other_place, _) = ids
            .id("ada", "main", &other)
            .split_once('.')
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .unwrap();
        for forged in [
            place.to_owned(),
            format!("{place}."),
            format!("{place}.{}", &proof[..8]),
            format!("{place}.{}", "A".repeat(proof.len())),
            format!("{other_place}.{proof}"),
            "file-1".to_owned(),
            String::new(),
        ] {
            assert_eq!(ids.file("ada", &forged), None, "{forged}");
        }
    }

    #[test]
    fn a_mark_that_goes_on_is_none() {
        let ids = FileIds::new(b"secret".to_vec());
        let marked = ids.marked_name("ada", "report");
        assert_eq!(ids.unmarked_name("ada", &format!("{marked}00.csv")), None);
        let twice = format!("{marked}.gw0123456789ab.csv");
        assert_eq!(ids.unmarked_name("ada", &twice), None);
    }
}
