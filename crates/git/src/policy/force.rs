//! Which policy is in force: a trust file and what it names, and where it came from.

use std::cell::RefCell;
use std::sync::Arc;

use signhere_verify::error::Reason;
use signhere_verify::policy::{
    GitPolicy, GitRule, MAX_TRUST_FILE_BYTES, NotAllowed, Question, Signer, TrustFile,
    TrustFileError, Trusted,
};
use signhere_verify::verdict::Failure;

use super::history::History;
use crate::object::{Object, ObjectId};
use crate::pgp::{PgpError, PgpKeys};
use crate::proof::Proven;
use crate::repository::RepositoryError;
use crate::ssh::{AllowedSigners, AllowedSignersError};

/// Where a repository has its trust file.
pub const TRUST_FILE: &str = ".signhere/trust.toml";
/// The folder that paths of keys in it begin in.
pub(super) const FOLDER: &str = ".signhere";
/// No file of keys is larger, in bytes.
const MAX_KEY_FILE: u64 = 1 << 20;

/// A trust file and what it names, ready to judge by.
#[derive(Debug)]
pub struct Policy {
    source: PolicySource,
    file: TrustFile,
    trusted: Arc<Trusted>,
    platforms: Vec<(String, PgpKeys)>,
    allowed_signers: Option<AllowedSigners>,
    /// The files of the tree that it was read from.
    files: Vec<(String, ObjectId)>,
}

/// Where a policy came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicySource {
    /// A file that was named: it holds for every commit.
    Named {
        /// Its path.
        path: String,
    },
    /// The tree of a commit.
    Commit {
        /// The commit.
        id: ObjectId,
    },
}

/// The policy that a commit is judged by.
#[derive(Clone, Debug)]
pub enum InForce {
    /// This one.
    Policy(Arc<Policy>),
    /// None: the commit has no trust file in its tree.
    Absent {
        /// The commit; `None` where there is not even one to look at.
        at: Option<ObjectId>,
    },
}

/// Why a policy cannot be used. Nothing is let through by it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The file is no trust file.
    #[error(transparent)]
    File(TrustFileError),
    /// It is not text.
    #[error("{label}: it is not UTF-8")]
    Text {
        /// What it is called.
        label: String,
    },
    /// A forge's key cannot be used.
    #[error("{label}: the key of the platform {platform} cannot be used: {error}")]
    Platform {
        /// The trust file.
        label: String,
        /// The forge's name.
        platform: String,
        /// Why.
        error: PgpError,
    },
    /// The file of ssh keys is missing.
    #[error("{label}: {path} is not there, which allowed_signers names")]
    NoAllowedSigners {
        /// The trust file.
        label: String,
        /// The path.
        path: String,
    },
    /// The file of ssh keys cannot be used.
    #[error("{label}: {path} cannot be used: {error}")]
    AllowedSigners {
        /// The trust file.
        label: String,
        /// The path.
        path: String,
        /// Why.
        error: AllowedSignersError,
    },
    /// The repository cannot be read.
    #[error(transparent)]
    Repository(RepositoryError),
}

impl From<RepositoryError> for PolicyError {
    fn from(error: RepositoryError) -> Self {
        Self::Repository(error)
    }
}

impl Policy {
    /// The policy of a trust file that was read by the caller. `file` returns what the trust file names beside it, by its
    /// path in the repository.
    ///
    /// # Errors
    /// [`PolicyError`] when the trust file names what is not there or cannot be used.
    pub fn of_file(
        file: TrustFile,
        read: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, PolicyError> {
        let source = PolicySource::Named {
            path: file.label.clone(),
        };
        Self::assemble(source, file, read, Vec::new())
    }

    /// The policy in the tree of a commit; `None` where it has no trust file.
    ///
    /// # Errors
    /// [`PolicyError`] when it has one that cannot be used, or the repository cannot be read.
    pub fn of_commit(history: &dyn History, commit: &Object) -> Result<Option<Self>, PolicyError> {
        let Some(tree) = commit.tree() else {
            return Ok(None);
        };
        let id = commit.id();
        let short: String = id.to_string().chars().take(12).collect();
        let label = format!("{short}:{TRUST_FILE}");
        let files = RefCell::new(Vec::new());
        let read = |path: &str, limit: u64| -> Result<Option<String>, PolicyError> {
            let Some(file) = history.file_id(tree, path.as_bytes())? else {
                return Ok(None);
            };
            let bytes = history.content(&file, limit)?;
            files.borrow_mut().push((path.to_owned(), file));
            let text = String::from_utf8(bytes);
            text.map(Some).map_err(|_| PolicyError::Text {
                label: format!("{short}:{path}"),
            })
        };
        let limit = u64::try_from(MAX_TRUST_FILE_BYTES).unwrap_or(u64::MAX);
        let Some(text) = read(TRUST_FILE, limit)? else {
            return Ok(None);
        };
        // The first thing that could not be read, which the closures below cannot return.
        let failed: RefCell<Option<PolicyError>> = RefCell::new(None);
        let key_file = |name: &str| {
            let path = format!("{FOLDER}/{name}");
            match read(&path, MAX_KEY_FILE) {
                Ok(Some(text)) => Ok(text),
                Ok(None) => Err(format!("{path} is not there")),
                Err(error) => {
                    let reason = error.to_string();
                    failed.borrow_mut().get_or_insert(error);
                    Err(reason)
                }
            }
        };
        let file = TrustFile::parse(&text, &label, None, &key_file);
        if let Some(error @ PolicyError::Repository(_)) = failed.borrow_mut().take() {
            return Err(error);
        }
        let file = file.map_err(PolicyError::File)?;
        let allowed = |path: &str| match read(path, MAX_KEY_FILE) {
            Ok(text) => text,
            Err(error) => {
                failed.borrow_mut().get_or_insert(error);
                None
            }
        };
        let policy = Self::assemble(PolicySource::Commit { id }, file, &allowed, Vec::new());
        if let Some(error) = failed.borrow_mut().take() {
            return Err(error);
        }
        let mut policy = policy?;
        policy.files = files.take();
        Ok(Some(policy))
    }

    fn assemble(
        source: PolicySource,
        file: TrustFile,
        read: &dyn Fn(&str) -> Option<String>,
        files: Vec<(String, ObjectId)>,
    ) -> Result<Self, PolicyError> {
        let label = || file.label.clone();
        let git = file.git.as_ref();
        let mut platforms = Vec::new();
        for platform in git.iter().flat_map(|git| &git.platforms) {
            let keys =
                PgpKeys::from_armor(&platform.key).map_err(|error| PolicyError::Platform {
                    label: label(),
                    platform: platform.name.clone(),
                    error,
                })?;
            platforms.push((platform.name.clone(), keys));
        }
        let allowed_signers = match git.and_then(|git| git.allowed_signers.clone()) {
            None => None,
            Some(path) => {
                let text = read(&path).ok_or_else(|| PolicyError::NoAllowedSigners {
                    label: label(),
                    path: path.clone(),
                })?;
                let parsed = AllowedSigners::parse(&text);
                Some(parsed.map_err(|error| PolicyError::AllowedSigners {
                    label: label(),
                    path: path.clone(),
                    error,
                })?)
            }
        };
        let trusted = Arc::new(Trusted::new(vec![file.clone()]));
        Ok(Self {
            source,
            file,
            trusted,
            platforms,
            allowed_signers,
            files,
        })
    }

    /// Where it came from.
    pub fn source(&self) -> &PolicySource {
        &self.source
    }

    /// What the trust file says.
    pub fn file(&self) -> &TrustFile {
        &self.file
    }

    /// What it says of commits.
    pub fn git(&self) -> Option<&GitPolicy> {
        self.file.git.as_ref()
    }

    /// The files of a repository that it was read from, each with its path: none of a file that was named.
    pub fn files(&self) -> impl Iterator<Item = (&str, &ObjectId)> {
        self.files.iter().map(|(path, id)| (path.as_str(), id))
    }

    /// The rules for a ref.
    pub fn rules_for<'a>(&'a self, reference: &'a str) -> impl Iterator<Item = &'a GitRule> {
        let rules = self.git().into_iter().flat_map(|git| &git.rules);
        rules.filter(move |rule| rule.is_for(reference))
    }

    /// The names of the entries that list somebody proven, whom `revoking` does not revoke.
    ///
    /// # Errors
    /// Why there is none.
    pub fn names_of(
        &self,
        proven: &Proven,
        revoking: Option<&Self>,
    ) -> Result<Vec<String>, Box<Failure>> {
        let (instance, steps) = (proven.instance.as_deref(), &proven.verdict.steps);
        let is_revoked = |failure: &Failure| {
            let Reason::SignerNotAllowed { why, .. } = &failure.reason else {
                return false;
            };
            *why == NotAllowed::Revoked
        };
        let revoked = revoking.and_then(|other| other.question(instance).listed(steps).err());
        if let Some(failure) = revoked.filter(|failure| is_revoked(failure)) {
            return Err(failure);
        }
        let question = self.question(instance);
        let listed = question.listed(steps)?;
        Ok(listed.iter().map(|signer| signer.name.clone()).collect())
    }

    pub(super) fn signer(&self, name: &str) -> Option<&Signer> {
        self.file.signers.iter().find(|signer| signer.name == name)
    }

    pub(super) fn allowed_signers(&self) -> Option<&AllowedSigners> {
        self.allowed_signers.as_ref()
    }

    /// The forge whose key made a signature.
    pub(super) fn platform_of(&self, payload: &[u8], armor: &[u8]) -> Result<&str, PgpError> {
        let mut error = PgpError::Signature;
        for (name, keys) in &self.platforms {
            match keys.verify(payload, armor) {
                Ok(()) => return Ok(name),
                Err(found) => error = found,
            }
        }
        Err(error)
    }

    pub(super) fn has_platforms(&self) -> bool {
        !self.platforms.is_empty()
    }

    /// The question who may sign, asked of this file alone; of one instance if it is named.
    pub fn question(&self, instance: Option<&str>) -> Question {
        let question = Question::new(Arc::clone(&self.trusted));
        match instance {
            Some(instance) => question.on(instance),
            None => question,
        }
    }

    /// Whether the tree has every file that this policy was read from as it was.
    pub(crate) fn is_in(
        &self,
        history: &dyn History,
        tree: &ObjectId,
    ) -> Result<bool, RepositoryError> {
        for (path, id) in &self.files {
            if history.file_id(tree, path.as_bytes())? != Some(*id) {
                return Ok(false);
            }
        }
        Ok(!self.files.is_empty())
    }
}

impl InForce {
    /// The policy that the commits after `commit` are judged by, as long as none of them changes it.
    ///
    /// # Errors
    /// As [`Policy::of_commit`].
    pub fn at(history: &dyn History, commit: &Object) -> Result<Self, PolicyError> {
        let policy = Policy::of_commit(history, commit)?;
        Ok(match policy {
            Some(policy) => Self::Policy(Arc::new(policy)),
            None => Self::Absent {
                at: Some(commit.id()),
            },
        })
    }

    /// The policy, where there is one.
    pub fn policy(&self) -> Option<&Arc<Policy>> {
        match self {
            Self::Policy(policy) => Some(policy),
            Self::Absent { .. } => None,
        }
    }
}
