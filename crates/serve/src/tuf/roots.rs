//! The chain of roots: each is signed by its own keys and by those of the one before it.

use signhere_verify::tuf::{Metadata, Role as _, Root};

use super::RepositoryError;

/// The most roots that are read; published clients follow 256 of them from the one they know.
const MAX_ROOTS: usize = 1024;

/// How the files of a repository are read: see [`super::View::read`].
pub type ReadFile<'a, E> = dyn FnMut(&str, usize) -> Result<Option<Vec<u8>>, E> + 'a;

/// A root and those that continued it, each verified by the one before it.
#[derive(Clone, Debug)]
pub struct Roots {
    first: Metadata<Root>,
    later: Vec<Metadata<Root>>,
}

impl Roots {
    /// Begins at `first`, or where that is not given at the repository's first root, and follows the chain.
    ///
    /// `read` is that of [`super::View::read`].
    ///
    /// # Errors
    /// [`RepositoryError`] for the first root that is missing or does not hold.
    pub fn read<E: From<RepositoryError>>(
        first: Option<&[u8]>,
        read: &mut ReadFile<'_, E>,
    ) -> Result<Self, E> {
        let name = root_name(1);
        let first = match first {
            Some(bytes) => Metadata::parse(bytes),
            None => {
                let bytes = read(&name, Root::MAX_BYTES)?;
                Metadata::parse(&bytes.ok_or_else(|| RepositoryError::missing(&name))?)
            }
        };
        let first = first.and_then(|first: Metadata<Root>| first.verify_self().map(|()| first));
        let mut roots = Self {
            first: first.map_err(RepositoryError::document(&name))?,
            later: Vec::new(),
        };
        roots.follow(read)?;
        Ok(roots)
    }

    /// Adds the roots that follow the current one; tells whether there were any.
    pub(super) fn follow<E: From<RepositoryError>>(
        &mut self,
        read: &mut ReadFile<'_, E>,
    ) -> Result<bool, E> {
        let before = self.later.len();
        loop {
            let name = self.next_name();
            let Some(bytes) = read(&name, Root::MAX_BYTES)? else {
                return Ok(self.later.len() > before);
            };
            if self.later.len() == MAX_ROOTS {
                return Err(RepositoryError::TooManyRoots { limit: MAX_ROOTS }.into());
            }
            let next = self.continued_by(&bytes);
            self.later
                .push(next.map_err(RepositoryError::document(&name))?);
        }
    }

    /// The root in `bytes`, which continues the current one.
    pub(super) fn continued_by(
        &self,
        bytes: &[u8],
    ) -> Result<Metadata<Root>, signhere_verify::tuf::TufError> {
        let next = Metadata::parse(bytes)?;
        self.current().verify_next(&next)?;
        Ok(next)
    }

    /// The name of the root that would continue the current one.
    pub(super) fn next_name(&self) -> String {
        root_name(self.current().version().saturating_add(1))
    }

    /// Forgets the current root, unless it is the first; tells whether it did.
    pub(super) fn step_back(&mut self) -> bool {
        self.later.pop().is_some()
    }

    /// The root to begin with.
    pub fn first(&self) -> &Metadata<Root> {
        &self.first
    }

    /// The last root.
    pub fn current(&self) -> &Metadata<Root> {
        self.later.last().unwrap_or(&self.first)
    }

    /// All of them in order.
    pub fn iter(&self) -> impl Iterator<Item = &Metadata<Root>> {
        std::iter::once(&self.first).chain(&self.later)
    }
}

/// The name of the root of a version.
pub(super) fn root_name(version: u64) -> String {
    format!("{version}.root.json")
}
