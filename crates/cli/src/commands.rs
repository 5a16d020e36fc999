//! The commands, one file each.

pub(crate) mod agent;
pub(crate) mod batch;
pub(crate) mod bundle;
pub(crate) mod completions;
pub(crate) mod explain;
pub(crate) mod git;
pub(crate) mod key;
pub(crate) mod log;
pub(crate) mod man;
pub(crate) mod quickstart;
pub(crate) mod serve;
pub(crate) mod sign;
pub(crate) mod token;
pub(crate) mod trust;
pub(crate) mod tuf;
pub(crate) mod verify;

use std::future::Future;
use std::io::{self, IsTerminal as _};

use crate::args::{Command, GlobalArgs};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;

/// What every command is given.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// The flags that every command understands.
    pub(crate) global: GlobalArgs,
    /// Where to print.
    pub(crate) output: Output,
}

impl Context {
    /// The context of one run of the program.
    pub(crate) fn new(global: GlobalArgs) -> Self {
        let output = Output::new(&global);
        Self { global, output }
    }

    /// Refuses to go on where the network is needed and forbidden.
    pub(crate) fn need_network(&self, what: &str) -> Result<(), CliError> {
        if !self.global.offline {
            return Ok(());
        }
        let message = format!("{what} needs the network, and --offline forbids it");
        Err(CliError::new(Exit::Retry, "SH-OFFLINE", message))
    }

    /// Whether a person is there to be asked.
    pub(crate) fn may_ask(&self) -> bool {
        !self.global.no_input
            && !self.global.json
            && io::stdin().is_terminal()
            && io::stderr().is_terminal()
    }
}

/// Runs the command.
pub(crate) fn run(context: &Context, command: Command) -> Result<(), CliError> {
    match command {
        Command::Agent(args) => agent::run(context, &args),
        Command::Quickstart(args) => quickstart::run(context, &args),
        Command::Sign(args) => sign::run(context, &args),
        Command::Verify(args) => verify::run(context, &args),
        Command::Explain(args) => explain::run(context, &args),
        Command::Bundle(args) => bundle::run(context, &args),
        Command::Git(args) => git::run(context, &args),
        Command::Key(args) => key::run(context, &args),
        Command::Serve(args) => serve::run(context, &args),
        Command::Log(args) => log::run(context, &args),
        Command::Token(args) => token::run(context, &args),
        Command::Trust(args) => trust::run(context, &args),
        Command::Tuf(args) => tuf::run(context, &args),
        Command::Completions(args) => completions::run(context, &args),
        Command::Man(args) => man::run(context, &args),
    }
}

/// Runs `future` on a runtime made for it.
pub(crate) fn block_on<T>(
    future: impl Future<Output = Result<T, CliError>>,
) -> Result<T, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| CliError::internal(&error))?
        .block_on(future)
}
