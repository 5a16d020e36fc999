//! `signhere serve status`: what is healthy, what expires when, what was signed last.

mod page;

use std::path::Path;
use std::time::Duration;

use clap::{Args, ValueHint};
use signhere_http::{Destination, HttpRequest};
use signhere_serve::control::SOCKET;
use signhere_serve::status::report::{Report, VERSION};
use url::Url;

use super::DEFAULT_DIR;
use crate::commands::{Context, block_on};
use crate::error::{CliError, shell_word};
use crate::exit::Exit;
use crate::login::http_client;
use crate::output::text::safe;

/// Time for the whole answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer.
const LIMIT: usize = 1 << 20;
/// Between two looks of `--watch`.
const PERIOD: Duration = Duration::from_secs(2);

/// Show what is healthy, what expires when, and the last entries
///
/// Exits with 0 when there is no fault, 50 when there is, 40 when the instance does not answer.
#[derive(Args, Debug)]
pub(super) struct StatusArgs {
    /// The folder of a running instance, or the URL of any
    #[arg(value_name = "DIR|URL", default_value = DEFAULT_DIR, value_hint = ValueHint::AnyPath)]
    instance: String,
    /// Look again every two seconds, until interrupted
    #[arg(long)]
    watch: bool,
}

pub(super) fn run(context: &Context, args: &StatusArgs) -> Result<(), CliError> {
    let place = Place::of(&args.instance)?;
    if args.watch && context.output.is_json() {
        return Err(CliError::usage(
            "--watch draws a page, and --json prints one document",
        ));
    }
    if let Place::Url(_) = place {
        context.need_network("the status of a remote instance")?;
    }
    block_on(async {
        if !args.watch {
            let report = place.ask().await?;
            show(context, &report)?;
            return verdict(&report);
        }
        loop {
            let shown = match place.ask().await {
                Ok(report) => page::render(&report),
                Err(error) => error.render(),
            };
            // Home, the page, and nothing of the page before.
            context
                .output
                .line(format_args!("\u{1b}[H\u{1b}[J{shown}"))?;
            tokio::select! {
                () = tokio::time::sleep(PERIOD) => {}
                _ = tokio::signal::ctrl_c() => return Ok(()),
            }
        }
    })
}

/// Where an instance is asked.
enum Place {
    Socket(std::path::PathBuf),
    Url(Url),
}

impl Place {
    fn of(named: &str) -> Result<Self, CliError> {
        if named.starts_with("http://") || named.starts_with("https://") {
            let bad = |_| CliError::usage(format!("{} is no URL", safe(named)));
            let mut url = Url::parse(named).map_err(bad)?;
            let path = format!("{}/api/status", url.path().trim_end_matches('/'));
            url.set_path(&path);
            url.set_query(None);
            return Ok(Self::Url(url));
        }
        Ok(Self::Socket(Path::new(named).join(SOCKET)))
    }

    async fn ask(&self) -> Result<Report, CliError> {
        let (status, body) = match self {
            Self::Socket(path) => self.ask_socket(path).await?,
            Self::Url(url) => {
                let request =
                    HttpRequest::get(url.clone(), Destination::Configured).body_cap(LIMIT);
                let http = http_client().reconfigured(|config| {
                    config.total_timeout = PATIENCE;
                    config.retry.attempts = 1;
                });
                let answer = http.send(&request).await;
                let answer = answer.map_err(|error| self.silent().found(error.to_string()))?;
                (answer.status, answer.body)
            }
        };
        if !(200..300).contains(&status) {
            return Err(self.odd(&format!("it answers with status {status}")));
        }
        let report: Report = serde_json::from_slice(&body)
            .map_err(|_| self.odd("its answer is not that of a signhere instance"))?;
        if report.version != VERSION {
            return Err(self.odd("it is of another version"));
        }
        Ok(report)
    }

    /// The status and the body of what answers at a socket.
    async fn ask_socket(&self, path: &Path) -> Result<(u16, Vec<u8>), CliError> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .unix_socket(path)
            .no_proxy()
            // No TLS is spoken here: a machine without certificate authorities will do.
            .tls_certs_only([])
            .build()
            .map_err(|e| CliError::internal(&e))?;
        let url = "http://localhost/status";
        let mut answer = client.get(url).send().await.map_err(|_| self.silent())?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|_| self.silent())? {
            body.extend_from_slice(&chunk);
            if body.len() > LIMIT {
                return Err(self.odd("its answer is too long"));
            }
        }
        Ok((answer.status().as_u16(), body))
    }

    fn silent(&self) -> CliError {
        let error = CliError::new(
            Exit::Retry,
            "SH-INSTANCE-DOWN",
            format!("no instance answers at {}", self.shown()),
        );
        match self {
            Self::Socket(path) => {
                let dir = path.parent().unwrap_or(path).display().to_string();
                error.mend(format!("signhere serve {}", shell_word(&safe(&dir))))
            }
            Self::Url(_) => error.mend(format!(
                "signhere serve FOLDER, where it runs; then: curl -fsS {}/readyz",
                self.shown()
            )),
        }
    }

    fn odd(&self, what: &str) -> CliError {
        let message = format!("{} cannot be asked: {what}", self.shown());
        let at = match self {
            Self::Socket(path) => format!(
                "--unix-socket {} http://localhost/status",
                shell_word(&safe(&path.display().to_string()))
            ),
            Self::Url(_) => format!("{}/api/status", self.shown()),
        };
        let error = CliError::new(Exit::Retry, "SH-INSTANCE-DOWN", message);
        error.mend(format!("look what answers: curl -i {at}"))
    }

    fn shown(&self) -> String {
        match self {
            Self::Socket(path) => safe(&path.display().to_string()).into_owned(),
            Self::Url(url) => url.host_str().map_or_else(String::new, |host| {
                let port = url
                    .port()
                    .map(|port| format!(":{port}"))
                    .unwrap_or_default();
                let path = url.path().trim_end_matches("/api/status");
                format!("{}://{host}{port}{path}", url.scheme())
            }),
        }
    }
}

fn show(context: &Context, report: &Report) -> Result<(), CliError> {
    if context.output.is_json() {
        return context.output.document(report);
    }
    context.output.line(page::render(report).trim_end())
}

fn verdict(report: &Report) -> Result<(), CliError> {
    if report.ready {
        return Ok(());
    }
    // The page has said what is wrong.
    Err(CliError::reported(Exit::Findings))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(named: &str) -> [String; 2] {
        let place = Place::of(named).unwrap();
        [place.silent(), place.odd("it is of another version")]
            .map(|error| anstream::adapter::strip_str(&error.render()).to_string())
    }

    #[test]
    fn what_does_not_answer_is_told_with_a_command() {
        assert_eq!(
            texts("my instance"),
            [
                "error: no instance answers at my instance/control.sock [SH-INSTANCE-DOWN]\n\
                 \x20     mend  signhere serve 'my instance'\n",
                "error: my instance/control.sock cannot be asked: it is of another version [SH-INSTANCE-DOWN]\n\
                 \x20     mend  look what answers: curl -i --unix-socket 'my instance/control.sock' http://localhost/status\n",
            ]
        );
        assert_eq!(
            texts("https://user:secret@sigstore.example.org:8443/x/"),
            [
                "error: no instance answers at https://sigstore.example.org:8443/x [SH-INSTANCE-DOWN]\n\
                 \x20     mend  signhere serve FOLDER, where it runs; then: curl -fsS https://sigstore.example.org:8443/x/readyz\n",
                "error: https://sigstore.example.org:8443/x cannot be asked: it is of another version [SH-INSTANCE-DOWN]\n\
                 \x20     mend  look what answers: curl -i https://sigstore.example.org:8443/x/api/status\n",
            ]
        );
    }
}
