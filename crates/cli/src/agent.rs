//! The agent as this user has it: where it is, how it is started, and which instances it knows.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use signhere_http::HttpClient;
use signhere_sign::agent::socket::{Place, SOCKET};
use signhere_sign::agent::{Client, Instances};
use signhere_sign::instance::Instance;

use crate::clock::SystemClock;
use crate::commands::Context;
use crate::config::Config;
use crate::env;
use crate::error::CliError;
use crate::exit::Exit;
use crate::trust;

/// Names the socket of the agent to use.
const SOCKET_VARIABLE: &str = "SIGNHERE_AGENT_SOCK";
/// Switches the agent off.
const OFF_VARIABLE: &str = "SIGNHERE_NO_AGENT";
/// How long a new agent may take until it listens.
const STARTING: Duration = Duration::from_secs(60);
/// No line of a starting agent is longer, in bytes.
const LINE_LIMIT: u64 = 64 * 1024;

/// What a new agent says when it listens.
pub(crate) const READY: &str = "ready";

/// Whether the environment names a socket: perhaps one that leads to another machine.
pub(crate) fn is_elsewhere() -> bool {
    env::var(SOCKET_VARIABLE).is_some()
}

/// Whether the environment and the configuration let an agent be used.
pub(crate) fn is_wanted(context: &Context) -> Result<bool, CliError> {
    if env::var(OFF_VARIABLE).is_some_and(|value| value != "0") {
        return Ok(false);
    }
    Ok(Config::load(context.global.config.as_deref())?
        .agent
        .enabled)
}

/// Where the agent is.
pub(crate) fn place() -> Result<Place, CliError> {
    let path = match env::var(SOCKET_VARIABLE) {
        Some(path) => PathBuf::from(path),
        None => {
            let folder = env::runtime_dir().or_else(env::state_dir);
            let folder = folder.ok_or_else(|| {
                CliError::new(
                    Exit::Failed,
                    "SH-AGENT-SOCKET",
                    "there is no place for the agent's socket",
                )
                .mend(format!("set HOME, XDG_RUNTIME_DIR or {SOCKET_VARIABLE}"))
            })?;
            folder.join(SOCKET)
        }
    };
    Ok(Place::new(&path)?)
}

/// The agent, if one runs.
pub(crate) fn connect(place: &Place) -> Result<Option<Client>, CliError> {
    Ok(Client::connect(place.socket(), Arc::new(SystemClock))?)
}

/// The agent, which is started if none runs.
pub(crate) fn connect_or_start(context: &Context, place: &Place) -> Result<Client, CliError> {
    if let Some(client) = connect(place)? {
        return Ok(client);
    }
    if is_elsewhere() {
        return Err(nobody_answers(place));
    }
    start(context, place)
}

/// Starts an agent that outlives this process, and waits until it listens.
pub(crate) fn start(context: &Context, place: &Place) -> Result<Client, CliError> {
    let failed = |message: String| {
        CliError::new(
            Exit::Failed,
            "SH-AGENT-START",
            format!("the agent does not start: {message}"),
        )
    };
    let program = env::this_program().map_err(|error| failed(error.to_string()))?;
    let mut command = Command::new(program);
    command.args(["--json", "agent", "start", "--detached"]);
    if let Some(config) = &context.global.config {
        let config = std::path::absolute(config);
        command
            .arg("--config")
            .arg(config.map_err(|error| failed(error.to_string()))?);
    }
    // Neither the folder nor the instance of the moment is the agent's own.
    let child = command
        .env_remove("SIGNHERE_INSTANCE")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.map_err(|error| failed(error.to_string()))?;
    let said = child.stdout.take();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        if let Some(said) = said {
            let mut said = BufReader::new(said.take(LINE_LIMIT));
            // What cannot be read was not said.
            let _ = said.read_line(&mut text);
            if text.trim() != READY {
                let _ = said.read_to_string(&mut text);
            }
        }
        let _ = sender.send(text);
    });
    let Ok(said) = receiver.recv_timeout(STARTING) else {
        // Whether it still runs or not: it is of no use.
        let _ = child.kill();
        let _ = child.wait();
        return Err(failed(format!(
            "it took more than {} seconds",
            STARTING.as_secs()
        )));
    };
    // Another process may have started one at the same time: that is as good.
    if let Some(client) = connect(place)? {
        return Ok(client);
    }
    // It listens where nobody finds it, or has ended.
    let _ = child.kill();
    let _ = child.wait();
    Err(failed(reason(&said)))
}

/// No agent runs where one should.
pub(crate) fn nobody_answers(place: &Place) -> CliError {
    let error = CliError::new(
        Exit::Login,
        "SH-AGENT-GONE",
        format!("no agent answers at {}", place.socket().display()),
    );
    match is_elsewhere() {
        true => error.mend(format!(
            "start the agent on the machine that the socket leads to and connect again, or unset {SOCKET_VARIABLE}"
        )),
        false => error.mend("signhere agent login"),
    }
}

/// The instances that the user's own configuration names.
pub(crate) struct KnownInstances {
    /// The agent's own flags.
    pub(crate) context: Context,
    /// How instances are asked.
    pub(crate) http: Arc<HttpClient>,
}

impl Instances for KnownInstances {
    fn name(&self, asked: Option<&str>) -> Result<String, String> {
        trust::portable(&self.context, asked).map_err(|error| error.message().to_owned())
    }

    fn load<'a>(
        &'a self,
        name: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Instance, String>> + Send + 'a>> {
        Box::pin(async move {
            let instance = trust::by_name(&self.context, name, &self.http).await;
            instance.map_err(|error| error.message().to_owned())
        })
    }
}

/// Why an agent did not start: what its error document says.
fn reason(said: &str) -> String {
    let document = serde_json::from_str::<serde_json::Value>(said).ok();
    let message = document.and_then(|document| {
        let message = document.pointer("/error/message")?.as_str()?;
        Some(message.to_owned())
    });
    message.unwrap_or_else(|| "it says nothing".to_owned())
}
