//! Merges, made again by git with nothing of the repository but its objects.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::process::Process;
use super::{ANSWER, Quarantine, Repository, RepositoryError};
use crate::object::{ObjectFormat, ObjectId};

/// How a merge is made, whoever has configured what: no attributes, and no file taken for another's new name, which would
/// put changes where nobody made them.
const SETTINGS: [&str; 5] = [
    "core.attributesFile=/dev/null",
    "diff.renames=false",
    "merge.directoryRenames=false",
    "merge.renames=false",
    "merge.renormalize=false",
];

impl Repository {
    /// The tree that git makes of two commits by itself; `None` where it does not (there is a conflict, it is older than
    /// 2.38) or not within `patience`. What it writes goes to a folder of its own, which is gone afterwards.
    ///
    /// # Errors
    /// When the folder cannot be made or git cannot be run.
    pub fn merged_tree(
        &self,
        one: &ObjectId,
        other: &ObjectId,
        patience: Duration,
    ) -> Result<Option<ObjectId>, RepositoryError> {
        let failed = |error: io::Error| RepositoryError::Failed {
            cause: format!("no folder for a merge: {error}"),
        };
        let Some(alternates) = self.alternates()? else {
            return Ok(None);
        };
        let folder = tempfile::tempdir().map_err(failed)?;
        let empty = self.empty_at(folder.path()).map_err(failed)?;
        let git = self.source.git.clone().with_patience(patience);
        let quarantine = Quarantine {
            alternates: Some(alternates),
            ..empty
        };
        let mut command = git.at(folder.path(), Some(&quarantine));
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.args(["merge-tree", "--write-tree", "--no-messages"]);
        command.args([one.to_string(), other.to_string()]);
        let mut process = Process::spawn(&git, command, false)?;
        let answer = match process.rest(ANSWER) {
            Ok(answer) => answer,
            // Conflicts are listed, however many there are.
            Err(RepositoryError::Silent { .. } | RepositoryError::Answer { .. }) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        if !process.end()?.status.success() {
            return Ok(None);
        }
        self.id(answer.trim_ascii_end()).map(Some)
    }

    /// How large some objects are, in bytes, all together; `None` where one is missing.
    ///
    /// # Errors
    /// When git fails.
    pub fn size_of(&self, ids: &[ObjectId]) -> Result<Option<u64>, RepositoryError> {
        let questions: String = ids.iter().map(|id| format!("{id}\n")).collect();
        let limit = ids.len().saturating_add(1).saturating_mul(ANSWER / 64);
        let check = ["cat-file", "--batch-check=%(objectsize)"];
        let answer = self.run(&check, &[], questions.as_bytes(), limit)?;
        let answer = String::from_utf8_lossy(&answer);
        let mut sizes = answer.lines().map(|line| line.parse::<u64>().ok());
        Ok(sizes.try_fold(0_u64, |sum, size| sum.checked_add(size?)))
    }

    /// An empty bare repository, in which nothing is configured.
    fn empty_at(&self, folder: &Path) -> io::Result<Quarantine> {
        let objects = folder.join("objects");
        fs::create_dir(&objects)?;
        fs::create_dir(folder.join("refs"))?;
        fs::write(folder.join("HEAD"), "ref: refs/heads/none\n")?;
        let format = match self.format {
            ObjectFormat::Sha1 => "[core]\nrepositoryformatversion = 0\nbare = true\n",
            ObjectFormat::Sha256 => {
                "[core]\nrepositoryformatversion = 1\nbare = true\n[extensions]\nobjectformat = sha256\n"
            }
        };
        fs::write(folder.join("config"), format)?;
        Ok(Quarantine {
            git_dir: folder.to_owned(),
            objects: Some(objects),
            alternates: None,
        })
    }

    /// Where this repository's objects are, as `GIT_ALTERNATE_OBJECT_DIRECTORIES` has it; `None` where that cannot be said.
    fn alternates(&self) -> Result<Option<OsString>, RepositoryError> {
        let path = self.ask(&["rev-parse", "--git-path", "objects"])?;
        let path = super::path_of(path.strip_suffix(b"\n").unwrap_or(&path).to_vec())?;
        let path = self.source.git_dir.join(path).into_os_string();
        let text = path.to_string_lossy();
        if text.contains(['"', '\\']) || text.chars().any(char::is_control) {
            return Ok(None);
        }
        // In quotes a colon is no end.
        let mut all = OsString::from("\"");
        all.push(&path);
        all.push("\"");
        let more = self.source.quarantine.as_ref();
        if let Some(more) = more.and_then(|quarantine| quarantine.alternates.as_ref()) {
            all.push(":");
            all.push(more);
        }
        Ok(Some(all))
    }
}
