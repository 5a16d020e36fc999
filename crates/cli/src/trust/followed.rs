//! Instances whose trust is kept up to date by TUF: those that ship with the program, and those that were added.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use signhere_http::HttpClient;
use signhere_pki::time::{Clock as _, Time};
use signhere_sign::tuf::{Cache, ClientError, Repository, Session, read_cached};
use signhere_verify::trust::{
    GITHUB, GITHUB_ROOT, KNOWN_ON, MAX_TRUST_BYTES, PUBLIC_GOOD, PUBLIC_GOOD_ROOT,
    PUBLIC_GOOD_SIGNING_CONFIG, STAGING, STAGING_ROOT, STAGING_SIGNING_CONFIG, TrustedRoot,
};
use signhere_verify::tuf::client::UpdateError;
use url::Url;

use crate::clock::SystemClock;
use crate::error::CliError;
use crate::exit::Exit;
use crate::{env, files};

/// The target that says whom to trust.
const TRUSTED_ROOT: &str = "trusted_root.json";
/// The target that says where to sign.
const SIGNING_CONFIG: &str = "signing_config.v0.2.json";
/// The folder of targets in an instance's folder.
const TARGETS: &str = "targets";
/// When the repository was asked last.
const CHECKED: &str = "checked.json";
/// What an added instance was added by.
const ADDED: &str = "instance.json";
/// The root that an added instance was pinned by.
const PINNED: &str = "pinned.root.json";

/// How long trust is believed to be up to date, in seconds: a week.
const FRESH: i64 = 7 * 24 * 3600;
/// How long nothing is asked again of its own accord, in seconds.
const PAUSE: i64 = 3600;
/// How long updates may take that nobody asked for, all together.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// An instance that is followed.
#[derive(Clone, Debug)]
pub(crate) struct Followed {
    /// What people call it.
    pub(crate) name: String,
    /// Its TUF repository.
    pub(crate) url: Url,
    /// The root that the chain begins with.
    root: Cow<'static, [u8]>,
    shipped: Option<Shipped>,
    /// The folder of its cache; none where there is no home.
    dir: Option<PathBuf>,
}

/// What ships with the program.
#[derive(Clone, Copy, Debug)]
struct Shipped {
    trusted_root: &'static str,
    signing_config: Option<&'static str>,
}

/// What is trusted and used of an instance.
#[derive(Clone, Debug)]
pub(crate) struct Material {
    /// Whom to trust, as JSON.
    pub(crate) trusted_root: Vec<u8>,
    /// Where to sign, as JSON; none for an instance that nobody else signs on.
    pub(crate) signing_config: Option<Vec<u8>>,
    /// When it was known to be the latest.
    pub(crate) as_of: Time,
    /// Whether an update brought it; it shipped with the program if not.
    pub(crate) is_updated: bool,
}

/// When a repository was asked, in seconds of Unix time.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
struct Checked {
    tried: i64,
    succeeded: i64,
}

/// What an added instance was added by.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Added {
    pub(super) version: u32,
    pub(super) url: Url,
    /// The SHA-256 of the pinned root, in hexadecimal.
    pub(super) fingerprint: String,
}

/// What an update led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Updated {
    /// The version of the TUF root.
    pub(crate) root: u64,
    /// When the repository has to be asked again, at the latest.
    pub(crate) expires: Option<Time>,
}

impl Followed {
    /// The instances that ship with the program, likeliest first.
    pub(crate) fn shipped() -> Vec<Self> {
        let instance = |name: &str, url: &str, root: &'static str, shipped| {
            Some(Self {
                name: name.to_owned(),
                url: Url::parse(url).ok()?,
                root: Cow::Borrowed(root.as_bytes()),
                shipped: Some(shipped),
                dir: folder_of(name),
            })
        };
        let public = Shipped {
            trusted_root: PUBLIC_GOOD,
            signing_config: Some(PUBLIC_GOOD_SIGNING_CONFIG),
        };
        let github = Shipped {
            trusted_root: GITHUB,
            signing_config: None,
        };
        let staging = Shipped {
            trusted_root: STAGING,
            signing_config: Some(STAGING_SIGNING_CONFIG),
        };
        let all = [
            instance(
                "public",
                "https://tuf-repo-cdn.sigstore.dev",
                PUBLIC_GOOD_ROOT,
                public,
            ),
            instance("github", "https://tuf-repo.github.com", GITHUB_ROOT, github),
            instance(
                "staging",
                "https://tuf-repo-cdn.sigstage.dev",
                STAGING_ROOT,
                staging,
            ),
        ];
        all.into_iter().flatten().collect()
    }

    /// Every instance that is followed: those that ship, then those that were added, by name.
    pub(crate) fn all() -> Result<Vec<Self>, CliError> {
        let mut all = Self::shipped();
        let Some(folder) = folder() else {
            return Ok(all);
        };
        let Ok(entries) = fs::read_dir(&folder) else {
            return Ok(all);
        };
        let mut names: Vec<String> = entries
            .flatten()
            .filter(|entry| entry.path().join(ADDED).is_file())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| is_name(name) && !all.iter().any(|known| known.name == *name))
            .collect();
        names.sort();
        for name in names {
            all.push(Self::open(&name, &folder.join(&name))?);
        }
        Ok(all)
    }

    /// The instance of this name, if there is one.
    pub(crate) fn find(name: &str) -> Result<Option<Self>, CliError> {
        if let Some(shipped) = Self::shipped().into_iter().find(|known| known.name == name) {
            return Ok(Some(shipped));
        }
        match folder_of(name) {
            Some(dir) if is_name(name) && dir.join(ADDED).is_file() => {
                Self::open(name, &dir).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The added instance in `dir`.
    fn open(name: &str, dir: &Path) -> Result<Self, CliError> {
        let path = dir.join(ADDED);
        let bytes = files::read(&path, limit())?;
        let added: Added = serde_json::from_slice(&bytes).map_err(|error| {
            let message = format!("cannot read {}: {error}", path.display());
            CliError::new(Exit::Trust, "SH-INSTANCE-BROKEN", message)
                .mend("remove its folder, and add the instance again: signhere trust add-instance URL --fingerprint HEX")
        })?;
        let root = files::read(&dir.join(PINNED), limit())?;
        Ok(Self::new(name, added.url, root, dir))
    }

    /// An instance that begins with the root that was pinned, and is kept in `dir`.
    pub(super) fn new(name: &str, url: Url, root: Vec<u8>, dir: &Path) -> Self {
        Self {
            name: name.to_owned(),
            url,
            root: Cow::Owned(root),
            shipped: None,
            dir: Some(dir.to_owned()),
        }
    }

    /// Writes down what the instance was added by, so that it is found from now on.
    pub(super) fn write_added(&self, fingerprint: &str) -> Result<(), CliError> {
        let Some(dir) = &self.dir else { return Ok(()) };
        files::write_atomically(&dir.join(PINNED), &self.root)?;
        let added = Added {
            version: 1,
            url: self.url.clone(),
            fingerprint: fingerprint.to_owned(),
        };
        let json = serde_json::to_vec(&added).map_err(|error| CliError::internal(&error))?;
        files::write_atomically(&dir.join(ADDED), &json)
    }

    /// The trusted root at hand, which nobody has verified: to see whether a bundle may be of this instance.
    pub(super) fn glance(&self) -> Vec<u8> {
        let cached = self.dir.as_ref().and_then(|dir| {
            let path = dir.join(TARGETS).join(TRUSTED_ROOT);
            path.exists().then(|| files::read(&path, limit()).ok())?
        });
        let shipped = || self.shipped.map(|shipped| shipped.trusted_root.into());
        cached.or_else(shipped).unwrap_or_default()
    }

    /// What is trusted without asking anybody: what the last update brought, verified again, or what shipped.
    pub(crate) fn material(&self, for_signing: bool) -> Result<Material, CliError> {
        let cached = self.cached(for_signing);
        match (cached, self.shipped) {
            (Some(Ok(material)), _) => Ok(material),
            (_, Some(shipped)) => Ok(Material {
                trusted_root: shipped.trusted_root.into(),
                signing_config: shipped.signing_config.map(Into::into),
                as_of: KNOWN_ON,
                is_updated: false,
            }),
            (Some(Err(error)), None) => Err(self.unusable(error)),
            (None, None) => Err(self.unusable(ClientError::Update(UpdateError::NotCached {
                file: TRUSTED_ROOT.to_owned(),
            }))),
        }
    }

    fn cached(&self, for_signing: bool) -> Option<Result<Material, ClientError>> {
        let dir = self.dir.as_ref()?;
        let targets = dir.join(TARGETS);
        if !targets.join(TRUSTED_ROOT).exists() {
            return None;
        }
        let read = |paths: &[&str]| {
            let cache = Cache::with_roots(dir);
            read_cached(&cache, &self.root, SystemClock.now(), paths, &targets)
        };
        let read = match for_signing && targets.join(SIGNING_CONFIG).exists() {
            true => read(&[TRUSTED_ROOT, SIGNING_CONFIG]),
            false => read(&[TRUSTED_ROOT]),
        };
        Some(read.map(|(_, files)| {
            let mut files = files.into_iter();
            Material {
                trusted_root: files.next().unwrap_or_default(),
                signing_config: files.next(),
                as_of: Time::from_unix(self.checked().succeeded),
                is_updated: true,
            }
        }))
    }

    /// Asks the repository, and keeps what it says.
    ///
    /// # Errors
    /// Its faults are exit 30, a repository that is not reached 40.
    pub(crate) async fn update(&self, http: &HttpClient) -> Result<Updated, CliError> {
        let dir = self.dir.as_ref().ok_or_else(no_home)?;
        let now = SystemClock.now();
        let targets = dir.join(TARGETS);
        fs::create_dir_all(&targets).map_err(|error| CliError::file("make", &targets, &error))?;
        let mut checked = self.checked();
        checked.tried = now.unix();
        self.write_checked(checked)?;
        let cache = Cache::with_roots(dir);
        cache.create()?;
        let repository = Repository::at(&self.url);
        let session = Session::update(http, repository, cache, &self.root, now).await;
        let mut session = session.map_err(|error| self.unusable(error))?;
        let trusted_root = session.target(TRUSTED_ROOT, &targets).await;
        let trusted_root = trusted_root.map_err(|error| self.unusable(error))?;
        TrustedRoot::parse(&trusted_root)
            .map_err(|error| CliError::from(error).about(&self.name))?;
        match session.target(SIGNING_CONFIG, &targets).await {
            // Nobody else signs on such an instance.
            Ok(_) | Err(ClientError::Update(UpdateError::NoTarget { .. })) => {}
            Err(error) => return Err(self.unusable(error)),
        }
        checked.succeeded = now.unix();
        self.write_checked(checked)?;
        Ok(Updated {
            root: session.updater().root().version(),
            expires: session
                .updater()
                .timestamp()
                .map(|timestamp| timestamp.expires()),
        })
    }

    /// Whether it is time to ask, although nothing is missing.
    pub(crate) fn is_due(&self, now: Time) -> bool {
        let shipped = self.shipped.map_or(0, |_| KNOWN_ON.unix());
        let checked = self.checked();
        let succeeded = checked.succeeded.max(shipped);
        now.unix().saturating_sub(succeeded) > FRESH && self.may_ask_after(checked, now)
    }

    /// Whether enough time has passed to ask again.
    pub(crate) fn may_ask(&self, now: Time) -> bool {
        self.may_ask_after(self.checked(), now)
    }

    fn may_ask_after(&self, checked: Checked, now: Time) -> bool {
        let since = now.unix().saturating_sub(checked.tried);
        self.dir.is_some() && !(0..=PAUSE).contains(&since)
    }

    /// The fingerprint of the first root, in hexadecimal.
    pub(crate) fn fingerprint(&self) -> String {
        hex::encode(signhere_pki::digest::sha256(&self.root))
    }

    fn checked(&self) -> Checked {
        let path = self.dir.as_ref().map(|dir| dir.join(CHECKED));
        let path = path.filter(|path| path.exists());
        let bytes = path.and_then(|path| files::read(&path, limit()).ok());
        let checked = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        checked.unwrap_or_default()
    }

    fn write_checked(&self, checked: Checked) -> Result<(), CliError> {
        let Some(dir) = &self.dir else { return Ok(()) };
        let json = serde_json::to_vec(&checked).map_err(|error| CliError::internal(&error))?;
        files::write_atomically(&dir.join(CHECKED), &json)
    }

    fn unusable(&self, error: ClientError) -> CliError {
        let may_help = error.is_transient()
            || matches!(error, ClientError::Update(UpdateError::NotCached { .. }));
        let error = CliError::from(error).about(&self.name);
        match may_help {
            true => error.mend(format!("signhere trust update {}", self.name)),
            false => error,
        }
    }
}

/// Whether a name can be an instance's: it is a folder's name too.
pub(crate) fn is_name(name: &str) -> bool {
    let first = name.bytes().next();
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() <= 64
        && first.is_some_and(is_plain)
        && name
            .bytes()
            .all(|byte| is_plain(byte) || b"-._".contains(&byte))
}

/// The folder of all instances that are followed.
pub(super) fn folder() -> Option<PathBuf> {
    env::data_dir().map(|dir| dir.join("tuf"))
}

fn folder_of(name: &str) -> Option<PathBuf> {
    folder().map(|folder| folder.join(name))
}

pub(super) fn no_home() -> CliError {
    CliError::new(
        Exit::Failed,
        "SH-NO-HOME",
        "there is no folder to keep trust in: neither XDG_DATA_HOME nor HOME is set",
    )
    .mend("set HOME")
}

fn limit() -> u64 {
    u64::try_from(MAX_TRUST_BYTES).unwrap_or(u64::MAX)
}
