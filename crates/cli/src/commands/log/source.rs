//! Which log is meant, and whose signature its checkpoint has to bear.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueHint};
use signhere_http::{Destination, HttpClient, HttpRequest};
use signhere_log::checkpoint::{Checkpoint, SignedCheckpoint};
use signhere_log::layout::Layout;
use signhere_log::note::NoteVerifier;
use signhere_log::reader::LogReader;
use signhere_log::storage::{Objects, StorageError};
use signhere_log::tile::CHECKPOINT_PATH;
use signhere_pki::key::{KeyKind, PublicKey};
use signhere_verify::trust::TrustedRoot;
use tokio::runtime::Runtime;
use url::Url;

use crate::commands::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::files;
use crate::login::http_client;
use crate::output::text::safe;
use crate::trust::{self, TrustArgs};

/// No public key file is larger.
const KEY_LIMIT: u64 = 64 * 1024;
/// No trusted root is larger.
const ROOT_LIMIT: u64 = 4 * 1024 * 1024;
/// The largest tile: as much as the log's own storage takes.
const TILE_LIMIT: usize = 64 << 20;
/// Where an instance says whom to trust.
const TRUSTED_ROOT: &str = "trusted_root.json";

/// A log, and the key that it is checked with.
#[derive(Args, Clone, Debug)]
pub(super) struct SourceArgs {
    /// The log: its folder, the folder of an instance (its newest signature log), or its URL
    #[arg(value_name = "DIR|URL", value_hint = ValueHint::DirPath)]
    pub(super) log: String,
    /// The log's public key (PEM) [default: from the trusted root beside the folder, or of the instance]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustArgs,
}

/// A log whose checkpoint has been verified.
pub(super) struct Source {
    /// As it was named.
    pub(super) shown: String,
    /// Where it is, if it is in a folder.
    pub(super) folder: Option<PathBuf>,
    pub(super) objects: Arc<dyn Objects>,
    pub(super) layout: Layout,
    pub(super) verifier: NoteVerifier,
    pub(super) checkpoint: Checkpoint,
    /// The note that the checkpoint is in.
    pub(super) note: String,
    /// Bounds how many threads read.
    pub(super) jobs: usize,
}

impl Source {
    /// The log that the arguments name.
    pub(super) fn open(context: &Context, args: &SourceArgs) -> Result<Self, CliError> {
        let (objects, folder, jobs): (Arc<dyn Objects>, _, _) = if is_url(&args.log) {
            context.need_network("a log at a URL")?;
            (Arc::new(Remote::new(&args.log)?), None, 16)
        } else {
            let folder = log_folder(Path::new(&args.log))?;
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            (signhere_serve::log_objects(&folder), Some(folder), cores)
        };
        let shown = match &folder {
            Some(folder) => folder.display().to_string(),
            None => args.log.clone(),
        };
        let bytes = objects.get(CHECKPOINT_PATH).map_err(|e| storage(&e))?;
        let bytes = bytes.ok_or_else(|| {
            CliError::new(
                Exit::Failed,
                "SH-LOG-ABSENT",
                format!("{shown} is no log: it has no checkpoint"),
            )
        })?;
        let signed = SignedCheckpoint::parse(&bytes).map_err(|error| broken(&shown, &error))?;
        let keys = keys(context, args, folder.as_deref())?;
        let (verifier, layout) = verified(&signed, &keys).ok_or_else(|| {
            CliError::new(
                Exit::Trust,
                "SH-LOG-UNSIGNED",
                format!(
                    "none of {} keys has signed the checkpoint of {}",
                    keys.len(),
                    safe(&signed.checkpoint.origin)
                ),
            )
            .mend("name the log's public key with --key, or its trusted root with --trusted-root")
        })?;
        Ok(Self {
            shown,
            folder,
            objects,
            layout,
            verifier,
            checkpoint: signed.checkpoint,
            note: String::from_utf8_lossy(&bytes).into_owned(),
            jobs,
        })
    }

    pub(super) fn reader(&self) -> LogReader {
        LogReader::new(Arc::clone(&self.objects), self.layout)
    }

    /// What the log is called in its own checkpoints.
    pub(super) fn origin(&self) -> &str {
        &self.checkpoint.origin
    }
}

/// What is wrong with a log, as an error for people.
pub(super) fn broken(shown: &str, error: &dyn std::fmt::Display) -> CliError {
    CliError::new(Exit::Failed, "SH-LOG-BROKEN", format!("{shown}: {error}")).mend(
        "stop the instance, keep this folder as it is, and restore the log from a backup that fsck finds in order",
    )
}

/// Storage that cannot be read at all.
pub(super) fn storage(error: &StorageError) -> CliError {
    let exit = match error {
        StorageError::Io { operation, .. } if *operation == FETCH => Exit::Retry,
        _ => Exit::Failed,
    };
    CliError::new(exit, "SH-LOG-READ", error.to_string())
}

fn is_url(name: &str) -> bool {
    name.starts_with("http://") || name.starts_with("https://")
}

/// The folder itself, or that of the newest signature log in an instance's folder.
fn log_folder(named: &Path) -> Result<PathBuf, CliError> {
    if named.join("tiles").is_dir() {
        return Ok(named.to_owned());
    }
    let entries = fs::read_dir(named).map_err(|error| CliError::file("read", named, &error))?;
    let number = |path: &Path| {
        let name = path.file_name()?.to_str()?;
        let number: u32 = name.strip_prefix("log-")?.parse().ok()?;
        path.join("tiles").is_dir().then_some(number)
    };
    let paths = entries.flatten().map(|entry| entry.path());
    paths
        .filter_map(|path| Some((number(&path)?, path)))
        .max()
        .map(|(_, path)| path)
        .ok_or_else(|| {
            let shown = named.display();
            let message = format!("{shown} holds no log");
            CliError::new(Exit::Failed, "SH-LOG-ABSENT", message)
                .expected("a folder of a log (with tiles/ in it) or of an instance")
        })
}

/// The keys that the log may have.
fn keys(
    context: &Context,
    args: &SourceArgs,
    folder: Option<&Path>,
) -> Result<Vec<PublicKey>, CliError> {
    if let Some(path) = &args.key {
        return Ok(vec![PublicKey::from_pem(&files::read_text(
            path, KEY_LIMIT,
        )?)?]);
    }
    let is_named = args.trust.trusted_root.is_some() || args.trust.trust_config.is_some();
    let beside = folder
        .into_iter()
        .flat_map(|folder| [Some(folder), folder.parent()])
        .flatten()
        .map(|folder| folder.join(TRUSTED_ROOT))
        .find(|path| path.is_file());
    let root = match beside.filter(|_| !is_named) {
        Some(path) => TrustedRoot::parse(&files::read(&path, ROOT_LIMIT)?)?,
        None => trust::trusted_root(context, &args.trust)?,
    };
    let logs = root.tlogs.into_iter().chain(root.ctlogs);
    Ok(logs.map(|log| log.key).collect())
}

/// The key that has signed, and the layout of logs that are signed in that way.
fn verified(signed: &SignedCheckpoint, keys: &[PublicKey]) -> Option<(NoteVerifier, Layout)> {
    let origin = &signed.checkpoint.origin;
    let candidates = keys.iter().flat_map(|key| {
        let of_certificates = match key.kind() {
            KeyKind::P256 => NoteVerifier::rfc6962(origin, key).ok(),
            _ => None,
        };
        let of_entries = NoteVerifier::for_key(origin, key).ok();
        [
            of_certificates.map(|verifier| (verifier, Layout::StaticCt)),
            of_entries.map(|verifier| (verifier, Layout::Entries)),
        ]
    });
    candidates
        .flatten()
        .find(|(verifier, _)| signed.verify(origin, verifier).is_ok())
}

/// What a failed request is called.
const FETCH: &str = "fetch";

/// A log's tiles over HTTP (C2SP tlog-tiles).
struct Remote {
    base: Url,
    http: Arc<HttpClient>,
    runtime: Runtime,
}

impl Remote {
    fn new(url: &str) -> Result<Self, CliError> {
        let unreadable = |error: url::ParseError| CliError::usage(format!("{url}: {error}"));
        let base = format!("{}/", url.trim_end_matches('/'));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| CliError::internal(&error))?;
        Ok(Self {
            base: Url::parse(&base).map_err(unreadable)?,
            http: http_client(),
            runtime,
        })
    }

    fn fail(&self, path: &str, message: String) -> StorageError {
        StorageError::Io {
            operation: FETCH,
            path: format!("{}{path}", self.base),
            kind: std::io::ErrorKind::Other,
            message,
        }
    }
}

impl Objects for Remote {
    fn put(&self, path: &str, _: &[u8]) -> Result<(), StorageError> {
        Err(self.fail(path, "a log at a URL is only read".to_owned()))
    }

    fn get(&self, path: &str) -> Result<Option<Vec<u8>>, StorageError> {
        let url = self
            .base
            .join(path)
            .map_err(|error| self.fail(path, error.to_string()))?;
        let request = HttpRequest::get(url, Destination::Configured).body_cap(TILE_LIMIT);
        let answer = self
            .runtime
            .block_on(self.http.send(&request))
            .map_err(|error| self.fail(path, error.to_string()))?;
        match answer.status {
            200 => Ok(Some(answer.body)),
            404 | 410 => Ok(None),
            status => Err(self.fail(path, format!("HTTP status {status}"))),
        }
    }

    fn sync(&self) -> Result<(), StorageError> {
        Ok(())
    }
}
