//! `signhere tuf`: a TUF client for any repository, as `tests/tuf/client` speaks. Plumbing, and hidden.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand, ValueHint};
use signhere_pki::time::Clock as _;
use signhere_sign::tuf::{Cache, Repository, Session};
use signhere_verify::tuf::client::{Limits, Updater};
use signhere_verify::tuf::{Role as _, Root};
use url::Url;

use super::{Context, block_on};
use crate::clock::SystemClock;
use crate::error::CliError;
use crate::files;
use crate::login::http_client;

/// The name of the trusted root in the folder.
const ROOT: &str = "root.json";

/// Follow a TUF repository: update its metadata, download its targets
#[derive(Args, Debug)]
pub(crate) struct TufArgs {
    /// The folder of the trusted metadata
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    metadata_dir: PathBuf,
    /// The repository's metadata
    #[arg(long, value_name = "URL")]
    metadata_url: Option<Url>,
    /// A target to download, by its path in the metadata; may be repeated
    #[arg(long, value_name = "PATH")]
    target_name: Vec<String>,
    /// The repository's targets
    #[arg(long, value_name = "URL")]
    target_base_url: Option<Url>,
    /// The folder for targets, each under its path with everything but letters, digits and `-._~` percent-encoded
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    target_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: TufCommand,
}

/// What to do with the repository.
#[derive(Debug, Subcommand)]
enum TufCommand {
    /// Trust this root from now on
    Init {
        /// The root
        #[arg(value_name = "ROOT", value_hint = ValueHint::FilePath)]
        root: PathBuf,
    },
    /// Update the metadata
    Refresh,
    /// Update the metadata and download targets
    Download,
}

pub(crate) fn run(context: &Context, args: &TufArgs) -> Result<(), CliError> {
    match &args.command {
        TufCommand::Init { root } => init(args, root),
        TufCommand::Refresh => update(context, args, &[], Path::new("")),
        TufCommand::Download => {
            let folder = args.target_dir.as_deref();
            let folder = folder.ok_or_else(|| CliError::usage("--target-dir is needed"))?;
            if args.target_name.is_empty() {
                return Err(CliError::usage("--target-name is needed"));
            }
            update(context, args, &args.target_name, folder)
        }
    }
}

fn init(args: &TufArgs, root: &Path) -> Result<(), CliError> {
    let bytes = read_root(root)?;
    Updater::new(&bytes, SystemClock.now(), Limits::default())?;
    let cache = Cache::new(&args.metadata_dir);
    cache.create()?;
    Ok(cache.store(ROOT, 0, &bytes)?)
}

fn update(
    context: &Context,
    args: &TufArgs,
    targets: &[String],
    folder: &Path,
) -> Result<(), CliError> {
    context.need_network("following a repository")?;
    let metadata = args.metadata_url.as_ref();
    let metadata = metadata.ok_or_else(|| CliError::usage("--metadata-url is needed"))?;
    let mut repository = Repository::at(metadata);
    if let Some(url) = &args.target_base_url {
        repository.targets = url.clone();
    }
    if !targets.is_empty() {
        fs::create_dir_all(folder).map_err(|error| CliError::file("make", folder, &error))?;
    }
    let http = http_client().reconfigured(|config| {
        config.retry.attempts = 2;
        config.retry.first_wait = Duration::from_millis(100);
    });
    block_on(async {
        let cache = Cache::new(&args.metadata_dir);
        let lock = cache.lock().await?;
        // Under the lock: another process may just have replaced it.
        let root = read_root(&args.metadata_dir.join(ROOT))?;
        let now = SystemClock.now();
        let updated = Session::update_locked(&http, repository, cache, lock, &root, now);
        let mut session = updated.await?;
        for path in targets {
            session.target(path, folder).await?;
        }
        Ok(())
    })
}

fn read_root(path: &Path) -> Result<Vec<u8>, CliError> {
    files::read(path, u64::try_from(Root::MAX_BYTES).unwrap_or(u64::MAX))
}
