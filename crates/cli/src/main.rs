//! `signhere`: where do I sign?
//!
//! The binary is an edge: it reads the command line, the clock, the
//! environment, files and the terminal, and hands them to the libraries.
//!
//! | module | what it holds |
//! |---|---|
//! | [`args`] | the command line |
//! | [`commands`] | one file a command |
//! | [`error`], [`exit`] | what a person is told, and the exit codes |
//! | [`output`] | what is printed, and where |
//! | [`config`], [`trust`] | the configuration file, and the instance to use |
//! | [`login`], [`visit`] | identity tokens, and how a person gets one |
//! | [`agent`] | where the agent is, and how it is started |
//! | [`signing`] | the one way to a signature |
//! | [`policy`] | the trust files in force |
//! | [`files`], [`passphrase`] | bounded reads, atomic writes, secrets |
//! | [`clock`], [`env`] | the time, the environment |

mod agent;
mod args;
mod clock;
mod commands;
mod config;
mod env;
mod error;
mod exit;
mod files;
mod login;
mod output;
mod passphrase;
mod policy;
mod signing;
mod trust;
mod visit;

use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;
use signhere_git::program::Call;

use crate::args::{Cli, GlobalArgs};
use crate::commands::Context;
use crate::error::CliError;
use crate::output::Output;

/// Gives memory back after a crowd of connections, which the C library keeps in pieces.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some(call) = Call::recognise(&args) {
        return commands::git::program::run(call);
    }
    let mut cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    cli.global.json |= cli.command.wants_json();
    let context = Context::new(cli.global);
    match commands::run(&context, cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            context.output.error(&error);
            ExitCode::from(error.exit().status())
        }
    }
}

/// Says what is wrong with the command line, or prints the help asked for.
fn refuse(error: &clap::Error) -> ExitCode {
    let asked_for = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    let wants_json = std::env::args_os().any(|arg| arg == "--json");
    if asked_for || !wants_json {
        let _ = error.print();
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    }
    let text = error.render().to_string();
    let message = text.trim_start_matches("error: ").trim_end();
    let error = CliError::usage(message).mend("signhere --help");
    Output::new(&GlobalArgs {
        json: true,
        ..GlobalArgs::default()
    })
    .error(&error);
    ExitCode::from(error.exit().status())
}
