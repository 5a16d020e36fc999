//! One update, and the targets that are fetched after it.

use std::path::Path;

use signhere_http::HttpClient;
use signhere_pki::time::Time;
use signhere_verify::tuf::client::{Action, Limits, Target, UpdateError, Updater, encode_name};

use super::cache::{Lock, read, write};
use super::{Cache, ClientError, MAX_TARGET_BYTES, Repository, fetch};

/// A repository whose metadata was updated: what it offers can be fetched. The cache is locked until the end.
#[derive(Debug)]
pub struct Session<'h> {
    http: &'h HttpClient,
    repository: Repository,
    cache: Cache,
    updater: Updater,
    _lock: Lock,
}

impl<'h> Session<'h> {
    /// Updates the metadata in `cache`, beginning with a root that is trusted already, at the time `now`.
    ///
    /// # Errors
    /// [`ClientError`]. What was proven until then is in the cache.
    pub async fn update(
        http: &'h HttpClient,
        repository: Repository,
        cache: Cache,
        root: &[u8],
        now: Time,
    ) -> Result<Self, ClientError> {
        let lock = cache.lock().await?;
        Self::update_locked(http, repository, cache, lock, root, now).await
    }

    /// The same, of a cache that is locked already.
    ///
    /// # Errors
    /// As [`Self::update`].
    pub async fn update_locked(
        http: &'h HttpClient,
        repository: Repository,
        cache: Cache,
        lock: Lock,
        root: &[u8],
        now: Time,
    ) -> Result<Self, ClientError> {
        let mut session = Self {
            http,
            repository,
            cache,
            updater: Updater::new(root, now, Limits::default())?,
            _lock: lock,
        };
        session.drive().await?;
        Ok(session)
    }

    /// What is trusted after the update.
    pub fn updater(&self) -> &Updater {
        &self.updater
    }

    /// A target. It is taken from `folder` if it is there already, under its percent-encoded path, and put there if
    /// it is not.
    ///
    /// # Errors
    /// [`ClientError`]; nothing that is not the target is left in the folder.
    pub async fn target(&mut self, path: &str, folder: &Path) -> Result<Vec<u8>, ClientError> {
        self.updater.find(path)?;
        self.drive().await?;
        let target = self.updater.found()?.clone();
        let file = folder.join(encode_name(path));
        if let Some(bytes) = cached_target(&target, &file)? {
            return Ok(bytes);
        }
        let bytes = self.fetch_target(&target).await?;
        write(&file, &bytes)?;
        Ok(bytes)
    }

    async fn fetch_target(&self, target: &Target) -> Result<Vec<u8>, ClientError> {
        let length = target.file.length;
        let limit = usize::try_from(length).ok();
        let limit = limit
            .filter(|_| length <= MAX_TARGET_BYTES)
            .ok_or_else(|| ClientError::TooLarge {
                path: target.path.clone(),
                length,
                limit: MAX_TARGET_BYTES,
            })?;
        for location in target.locations()? {
            let found = fetch(self.http, &self.repository.targets, &location, limit).await?;
            if let Some(bytes) = found {
                target.check(&bytes)?;
                return Ok(bytes);
            }
        }
        let file = target.path.clone();
        Err(UpdateError::Missing { file }.into())
    }

    async fn drive(&mut self) -> Result<(), ClientError> {
        while let Some(action) = self.updater.next_action() {
            let answer = match action {
                Action::Load { file, limit } => self.cache.load(&file, limit)?,
                Action::Fetch { file, limit } => {
                    fetch(self.http, &self.repository.metadata, &file, limit).await?
                }
                effect => {
                    self.take_effect(effect)?;
                    continue;
                }
            };
            if let Err(error) = self.updater.answer(answer) {
                // What was verified before is stored nevertheless.
                while let Some(effect) = self.updater.next_action() {
                    self.take_effect(effect)?;
                }
                return Err(error.into());
            }
        }
        Ok(())
    }

    fn take_effect(&self, effect: Action) -> Result<(), ClientError> {
        match effect {
            Action::Store {
                file,
                version,
                bytes,
            } => self.cache.store(&file, version, &bytes),
            Action::Remove { file } => self.cache.remove(&file),
            Action::Load { .. } | Action::Fetch { .. } => Err(UpdateError::OutOfTurn.into()),
        }
    }
}

/// Targets from the cache and the folder beside it, verified again from `root` on, without any network. What
/// expired is still believed.
///
/// # Errors
/// [`ClientError`], of which [`UpdateError::NotCached`] says that an update has to come first.
pub fn read_cached(
    cache: &Cache,
    root: &[u8],
    now: Time,
    paths: &[&str],
    folder: &Path,
) -> Result<(Updater, Vec<Vec<u8>>), ClientError> {
    let mut updater = Updater::cached(root, now, Limits::default())?;
    load(&mut updater, cache)?;
    let mut targets = Vec::new();
    for path in paths {
        updater.find(path)?;
        load(&mut updater, cache)?;
        let target = updater.found()?;
        let file = folder.join(encode_name(path));
        let not_cached = || UpdateError::NotCached {
            file: encode_name(path),
        };
        let bytes = cached_target(target, &file)?;
        targets.push(bytes.ok_or_else(not_cached)?);
    }
    Ok((updater, targets))
}

fn load(updater: &mut Updater, cache: &Cache) -> Result<(), ClientError> {
    while let Some(action) = updater.next_action() {
        match action {
            Action::Load { file, limit } => updater.answer(cache.load(&file, limit)?)?,
            _ => return Err(UpdateError::OutOfTurn.into()),
        }
    }
    Ok(())
}

/// The file that is the target, if it is.
fn cached_target(target: &Target, file: &Path) -> Result<Option<Vec<u8>>, ClientError> {
    let bytes = read(file, target.file.length.min(MAX_TARGET_BYTES))?;
    Ok(bytes.filter(|bytes| target.check(bytes).is_ok()))
}
