//! `signhere git hook`: the gate of a repository, set, looked at and taken away.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, Subcommand, ValueHint};
use serde::Serialize;
use signhere_git::repository::Repository;

use super::open;
use crate::commands::Context;
use crate::error::{CliError, shell_word};
use crate::exit::Exit;
use crate::files;
use crate::output::style::{WARN, cross, paint, tick};
use crate::output::text::safe;

/// By this line a hook of ours is known.
const MARK: &str = "# signhere git hook, version 1";
/// What another's hook is called that ours runs first.
const BEFORE: &str = "before-signhere";
/// No hook is longer, in bytes.
const MAX_HOOK: u64 = 1 << 20;

/// Set, look at or take away the hook that judges pushes
#[derive(Args, Debug)]
#[command(arg_required_else_help = true)]
pub(super) struct HookArgs {
    #[command(subcommand)]
    command: HookCommand,
}

#[derive(Debug, Subcommand)]
enum HookCommand {
    Install(InstallArgs),
    Status(PlaceArgs),
    Remove(PlaceArgs),
}

/// Let a hook judge what is pushed
///
/// In a repository that others push to, a pre-receive hook refuses what the trust file does not allow. In a clone, a
/// pre-push hook says before what the server would say.
#[derive(Args, Debug)]
struct InstallArgs {
    /// The repository is pushed to [default: where it is bare]
    #[arg(long, conflicts_with = "local")]
    server: bool,
    /// The repository is a clone that is pushed from
    #[arg(long)]
    local: bool,
    /// Judge each ref by itself (an update hook): what is refused does not hold up the rest
    #[arg(long, conflicts_with = "local")]
    each: bool,
    /// Run the hook that is there first, and keep it
    #[arg(long)]
    chain: bool,
    /// The trust file that judges everything [default: that of the repository, as it was before each commit]
    #[arg(long = "trust", value_name = "FILE", value_hint = ValueHint::FilePath)]
    trust_file: Option<PathBuf>,
    /// The keys and certificates to trust (trusted_root.json)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    trusted_root: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Args, Debug)]
struct PlaceArgs {
    /// The repository's folder [default: the one here]
    #[arg(long, short = 'C', value_name = "DIR", value_hint = ValueHint::DirPath)]
    repository: Option<PathBuf>,
}

/// The hooks that can be ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    PreReceive,
    Update,
    PrePush,
}

/// What is at a hook's place.
#[derive(Clone, Debug, PartialEq, Eq)]
enum There {
    Nothing,
    /// A hook of ours, and the program that it runs.
    Ours {
        program: Option<PathBuf>,
        text: String,
    },
    /// A hook of somebody else.
    Foreign,
}

pub(super) fn run(context: &Context, args: &HookArgs) -> Result<(), CliError> {
    match &args.command {
        HookCommand::Install(args) => install(context, args),
        HookCommand::Status(args) => status(context, args),
        HookCommand::Remove(args) => remove(context, args),
    }
}

fn install(context: &Context, args: &InstallArgs) -> Result<(), CliError> {
    let repository = open::repository(args.place.repository.as_deref())?;
    let kind = match (
        args.server || (!args.local && is_bare(&repository)),
        args.each,
    ) {
        (_, true) => Kind::Update,
        (true, false) => Kind::PreReceive,
        (false, false) => Kind::PrePush,
    };
    let folder = hooks_folder(&repository)?;
    if let Some(elsewhere) = elsewhere(&repository, &folder)? {
        return Err(not_there(&elsewhere));
    }
    let path = folder.join(kind.name());
    let before = folder.join(format!("{}.{BEFORE}", kind.name()));
    match there(&path)? {
        There::Foreign if !args.chain => {
            return Err(CliError::new(
                Exit::Failed,
                "SH-GIT-HOOK",
                format!("{} is another's hook, and is not replaced", path.display()),
            )
            .mend("signhere git hook install --chain runs it first, and keeps it"));
        }
        There::Foreign => {
            if before.exists() {
                return Err(CliError::exists(&before));
            }
            fs::rename(&path, &before).map_err(|error| CliError::file("move", &path, &error))?;
        }
        There::Nothing | There::Ours { .. } => {}
    }
    let text = script(
        context,
        args,
        kind,
        before.exists().then_some(before.as_path()),
    )?;
    fs::create_dir_all(&folder).map_err(|error| CliError::file("make", &folder, &error))?;
    files::write_atomically(&path, text.as_bytes())?;
    make_executable(&path)?;
    if context.output.is_json() {
        return context.output.document(&Changed {
            version: 1,
            hook: kind.name(),
            file: path.display().to_string(),
            installed: true,
        });
    }
    let shown = path.display().to_string();
    context
        .output
        .line(format!("{} {} judges what is pushed", tick(), safe(&shown)))?;
    if kind == Kind::PrePush {
        context.output.line(
            "   it can be left out by whoever pushes (--no-verify): the gate is the server's hook",
        )?;
    }
    Ok(())
}

fn status(context: &Context, args: &PlaceArgs) -> Result<(), CliError> {
    let repository = open::repository(args.repository.as_deref())?;
    let folder = hooks_folder(&repository)?;
    let elsewhere = elsewhere(&repository, &folder)?;
    let mut hooks = Vec::new();
    for kind in Kind::ALL {
        let path = folder.join(kind.name());
        let there = there(&path)?;
        if matches!(there, There::Ours { .. }) {
            hooks.push(State::of(kind, &path, &there, elsewhere.as_deref()));
        }
    }
    let is_good = !hooks.is_empty() && hooks.iter().all(|hook| hook.faults.is_empty());
    if context.output.is_json() {
        context.output.document(&Status {
            version: 1,
            in_force: is_good,
            hooks: &hooks,
        })?;
    } else {
        for hook in &hooks {
            let mark = if hook.faults.is_empty() {
                tick()
            } else {
                cross()
            };
            context
                .output
                .line(format!("{mark} {}", safe(&hook.file)))?;
            for fault in &hook.faults {
                context
                    .output
                    .line(format!("   {} {}", paint(WARN, "!"), safe(fault)))?;
            }
        }
        if hooks.is_empty() {
            let line = format!(
                "{} no hook of signhere's is set: signhere git hook install",
                cross()
            );
            context.output.line(line)?;
        }
    }
    match is_good {
        true => Ok(()),
        false => Err(CliError::reported(Exit::Findings)),
    }
}

fn remove(context: &Context, args: &PlaceArgs) -> Result<(), CliError> {
    let repository = open::repository(args.repository.as_deref())?;
    let folder = hooks_folder(&repository)?;
    let mut count = 0_usize;
    for kind in Kind::ALL {
        let path = folder.join(kind.name());
        if !matches!(there(&path)?, There::Ours { .. }) {
            continue;
        }
        fs::remove_file(&path).map_err(|error| CliError::file("remove", &path, &error))?;
        let before = folder.join(format!("{}.{BEFORE}", kind.name()));
        if before.exists() {
            fs::rename(&before, &path).map_err(|error| CliError::file("move", &before, &error))?;
        }
        count = count.saturating_add(1);
        if context.output.is_json() {
            context.output.document(&Changed {
                version: 1,
                hook: kind.name(),
                file: path.display().to_string(),
                installed: false,
            })?;
        } else {
            let shown = path.display().to_string();
            context
                .output
                .line(format!("{} {} is removed", tick(), safe(&shown)))?;
        }
    }
    if count == 0 {
        return Err(CliError::new(
            Exit::Failed,
            "SH-GIT-HOOK",
            "no hook of signhere's is set here",
        ));
    }
    Ok(())
}

/// The hook. Every path in it is absolute: what it runs is not for the environment to say.
fn script(
    context: &Context,
    args: &InstallArgs,
    kind: Kind,
    before: Option<&Path>,
) -> Result<String, CliError> {
    let program = std::env::current_exe()
        .and_then(|path| path.canonicalize())
        .map_err(|error| CliError::internal(&error))?;
    let mut words = vec![word(&program)?];
    let absolute = |path: &Path| -> Result<String, CliError> {
        let full = path
            .canonicalize()
            .map_err(|error| CliError::file("read", path, &error))?;
        word(&full)
    };
    words.extend(["git".to_owned(), "receive".to_owned()]);
    if let Some(instance) = &context.global.instance {
        let folder = Path::new(instance);
        let instance = match folder.is_dir() {
            true => absolute(folder)?,
            false => shell_word(instance),
        };
        words.extend(["--instance".to_owned(), instance]);
    }
    if let Some(config) = &context.global.config {
        words.extend(["--config".to_owned(), absolute(config)?]);
    }
    for (flag, path) in [
        ("--trust", &args.trust_file),
        ("--trusted-root", &args.trusted_root),
    ] {
        if let Some(path) = path {
            words.extend([flag.to_owned(), absolute(path)?]);
        }
    }
    match kind {
        Kind::PreReceive => {}
        Kind::Update => words.push("--update \"$1\" \"$2\" \"$3\"".to_owned()),
        Kind::PrePush => words.push("--pre-push \"$1\" \"$2\"".to_owned()),
    }
    let command = words.join(" ");
    let head = format!(
        "#!/bin/sh\n{MARK}\n# Set by `signhere git hook install`, taken away by `signhere git hook remove`.\n\
         # What cannot be judged is not let through.\n"
    );
    let Some(before) = before else {
        return Ok(format!("{head}exec {command}\n"));
    };
    let before = word(before)?;
    Ok(match kind {
        Kind::Update => format!("{head}{before} \"$@\" || exit 1\nexec {command}\n"),
        _ => format!(
            "{head}input=$(cat) || exit 1\n[ -n \"$input\" ] || exit 0\n\
             printf '%s\\n' \"$input\" | {before} \"$@\" || exit 1\n\
             printf '%s\\n' \"$input\" | {command} || exit 1\n"
        ),
    })
}

fn word(path: &Path) -> Result<String, CliError> {
    let text = path.to_str().filter(|text| !text.contains(['\n', '\r']));
    let text =
        text.ok_or_else(|| CliError::usage(format!("{} cannot stand in a hook", path.display())))?;
    Ok(shell_word(text))
}

fn there(path: &Path) -> Result<There, CliError> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(There::Nothing);
    }
    let bytes = files::read(path, MAX_HOOK)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if text.lines().nth(1) != Some(MARK) {
        return Ok(There::Foreign);
    }
    Ok(There::Ours {
        program: program_of(&text),
        text,
    })
}

/// The program that a hook of ours runs: the word before `git receive`.
fn program_of(text: &str) -> Option<PathBuf> {
    let line = text.lines().find(|line| line.contains(" git receive"))?;
    let (start, _) = line.split_once(" git receive")?;
    let word = start.rsplit(" | ").next()?.trim_start_matches("exec ");
    let word = word
        .strip_prefix('\'')
        .and_then(|word| word.strip_suffix('\''))
        .unwrap_or(word);
    Some(PathBuf::from(word.replace("'\\''", "'")))
}

/// Where the repository's own hooks are: beside its objects, for all of its work trees.
fn hooks_folder(repository: &Repository) -> Result<PathBuf, CliError> {
    let own = repository.git_dir();
    let common = own.join("commondir");
    let folder = match common.exists() {
        true => {
            let text = files::read_text(&common, 4096)?;
            own.join(text.trim_end())
        }
        false => own.to_owned(),
    };
    let folder = folder
        .canonicalize()
        .map_err(|error| CliError::file("read", &folder, &error))?;
    Ok(folder.join("hooks"))
}

/// Where git looks for hooks instead, by whatever configuration it has for this repository.
fn elsewhere(repository: &Repository, folder: &Path) -> Result<Option<PathBuf>, CliError> {
    let own = repository.git_dir();
    let output = Command::new(open::git().program())
        .env("GIT_DIR", own)
        .current_dir(own)
        .args(["rev-parse", "--path-format=absolute", "--git-path", "hooks"])
        .output();
    let output = output.map_err(|error| CliError::internal(&error))?;
    let text = String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned();
    if !output.status.success() || text.is_empty() {
        return Err(CliError::new(
            Exit::Failed,
            "SH-GIT-FAILED",
            "git does not say where it looks for hooks",
        ));
    }
    let found = PathBuf::from(text);
    let is_same = found == folder
        || matches!((found.canonicalize(), folder.canonicalize()), (Ok(a), Ok(b)) if a == b);
    Ok((!is_same).then_some(found))
}

fn not_there(elsewhere: &Path) -> CliError {
    CliError::new(
        Exit::Failed,
        "SH-GIT-HOOK",
        "core.hooksPath is set: git does not look for hooks in the repository",
    )
    .found(elsewhere.display().to_string())
    .mend("git config --unset core.hooksPath (or --global)")
}

fn is_bare(repository: &Repository) -> bool {
    let own = repository.git_dir();
    own.file_name().is_none_or(|name| name != ".git") && !own.join("commondir").exists()
}

#[cfg(unix)]
fn make_executable(path: &Path) -> Result<(), CliError> {
    use std::os::unix::fs::PermissionsExt as _;
    let permissions = fs::Permissions::from_mode(0o755);
    fs::set_permissions(path, permissions).map_err(|error| CliError::file("change", path, &error))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> Result<(), CliError> {
    Ok(())
}

impl Kind {
    const ALL: [Self; 3] = [Self::PreReceive, Self::Update, Self::PrePush];

    fn name(self) -> &'static str {
        match self {
            Self::PreReceive => "pre-receive",
            Self::Update => "update",
            Self::PrePush => "pre-push",
        }
    }
}

impl State {
    fn of(kind: Kind, path: &Path, there: &There, elsewhere: Option<&Path>) -> Self {
        let mut faults = Vec::new();
        if let There::Ours { program, text } = there {
            match program {
                Some(program) if program.is_file() => {}
                Some(program) => {
                    faults.push(format!("{} is not there any more", program.display()))
                }
                None => faults.push("it was changed: it runs no signhere".to_owned()),
            }
            if !text
                .lines()
                .last()
                .is_some_and(|line| line.contains(" git receive"))
            {
                faults.push("it was changed: something follows what judges".to_owned());
            }
        }
        if !is_executable(path) {
            faults.push("it is not executable: git does not run it".to_owned());
        }
        if let Some(elsewhere) = elsewhere {
            faults.push(format!(
                "git looks for hooks in {} (core.hooksPath)",
                elsewhere.display()
            ));
        }
        Self {
            hook: kind.name(),
            file: path.display().to_string(),
            faults,
        }
    }
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(_: &Path) -> bool {
    true
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    version: u32,
    in_force: bool,
    hooks: &'a [State],
}

#[derive(Serialize)]
struct State {
    hook: &'static str,
    file: String,
    faults: Vec<String>,
}

#[derive(Serialize)]
struct Changed {
    version: u32,
    hook: &'static str,
    file: String,
    installed: bool,
}
