//! `strongroom rotation`: how secrets rotate, what happens while they do, and how to get one out of trouble.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use http::Method;
use serde::Serialize;
use serde_json::json;
use strongroom_services::rotation::graph::{Finding, Graph};
use strongroom_services::rotation::job::{Kind, Trigger};
use strongroom_services::rotation::overview::{Overview, Shown, State};
use strongroom_services::rotation::repair::{Pending, Repaired, Way};
use strongroom_services::rotation::timeline::{Run, RunState, ShownStep};
use strongroom_services::time::rfc3339;

use super::running_server::{RunningServer, asked_for_long, region_or_that_of_environment};
use super::terminal::confirmed;
use super::{Failed, say};
use crate::admin::{AskedRepair, AskedRotations, AskedSecret, AskedTail, ListedRotations, Tailed};

/// How often what went on is asked for.
const FOLLOWED_EVERY: Duration = Duration::from_secs(1);

/// See how secrets rotate, follow rotations, and get a secret out of one that failed
///
/// Asks a running server over its operators' socket, so only its own user and root may. None of it shows a value.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strongroom rotation list --failing
  strongroom rotation show prod/db --region eu-central-1
  strongroom rotation tail prod/db --region eu-central-1
  strongroom rotation graph --dot | dot -Tsvg > rotation.svg
  strongroom rotation repair prod/db --region eu-central-1

More: docs/rotation.md")]
pub(super) struct RotationArguments {
    #[command(flatten)]
    server: RunningServer,
    #[command(subcommand)]
    command: RotationCommand,
}

#[derive(Debug, Subcommand)]
enum RotationCommand {
    /// List the secrets that rotate: how each is, when it last did and when it does next
    ///
    /// Below the list is what is wrong with how secrets depend on each other.
    #[command(after_help = "Examples:
  strongroom rotation list
  strongroom rotation list --failing --account 123456789012
  strongroom rotation list --json | jq -r '.Secrets[] | select(.State == \"Failing\").ARN'")]
    List {
        /// Only secrets whose rotation fails, or left a version pending
        #[arg(long)]
        failing: bool,
        #[command(flatten)]
        place: Place,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a secret's rotations step by step: when, how long, what went wrong and what to do
    ///
    /// The newest 20 rotations are kept, and of each step the end of what its function wrote to its log. Values of the
    /// secret are masked.
    #[command(after_help = "Examples:
  strongroom rotation show arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/db-AbCdEf
  strongroom rotation show prod/db --region eu-central-1 --json")]
    Show {
        #[command(flatten)]
        secret: SecretName,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Follow rotations as they happen, of one secret or of all
    ///
    /// Goes on until it is interrupted. Of one secret, its newest rotation comes first. Without a secret, it tells of what
    /// this server does.
    #[command(after_help = "Examples:
  strongroom rotation tail
  strongroom rotation tail prod/db --region eu-central-1 --after 8d0e2f6c1b7a9e53
  aws secretsmanager rotate-secret --secret-id prod/db &&
      strongroom rotation tail prod/db --region eu-central-1 --until-over")]
    Tail {
        /// The secret: its ARN or its name
        #[arg(value_name = "SECRET")]
        secret: Option<String>,
        #[command(flatten)]
        place: Place,
        /// Begin behind this rotation of the secret, by its number
        #[arg(long, value_name = "NUMBER", requires = "secret")]
        after: Option<String>,
        /// End when the secret's newest rotation is over; the exit status says whether it was a success
        #[arg(long, requires = "secret")]
        until_over: bool,
        /// Print JSON, a line for each thing that happens
        #[arg(long)]
        json: bool,
    },
    /// Show which secrets are rotated with whose credentials, and what is wrong with that
    ///
    /// A secret whose value names another as its masterarn is rotated with that one's credentials. Looks for circles, for
    /// masters that are missing or of another region, and for masters that may rotate at the same time as their users.
    #[command(after_help = "Examples:
  strongroom rotation graph --account 123456789012 --region eu-central-1
  strongroom rotation graph --dot | dot -Tsvg > rotation.svg")]
    Graph {
        #[command(flatten)]
        place: Place,
        /// Print a graph for Graphviz
        #[arg(long, conflicts_with = "json")]
        dot: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Explain a version that a rotation left pending, and finish or abandon it
    ///
    /// Without --finish and --abandon it changes nothing, and says what would be best.
    #[command(after_help = "Examples:
  strongroom rotation repair prod/db --region eu-central-1
  strongroom rotation repair prod/db --region eu-central-1 --finish
  strongroom rotation repair prod/db --region eu-central-1 --cancel --abandon --yes")]
    Repair {
        #[command(flatten)]
        secret: SecretName,
        /// Make the pending version current, as the rotation would have
        #[arg(long, conflicts_with = "abandon")]
        finish: bool,
        /// Take AWSPENDING off: what is current stays; a value is kept without a label
        #[arg(long)]
        abandon: bool,
        /// End the rotation that is under way first; rotation itself stays on
        #[arg(long)]
        cancel: bool,
        /// Finish although no test of the new value is known to have passed
        #[arg(long, requires = "finish")]
        force: bool,
        /// Don't ask
        #[arg(long)]
        yes: bool,
        /// Print JSON; asks nothing, so a change takes --yes
        #[arg(long)]
        json: bool,
    },
}

/// A secret, as operators name it.
#[derive(Debug, Args)]
struct SecretName {
    /// The secret: its ARN or its name
    #[arg(value_name = "SECRET")]
    secret: String,
    #[command(flatten)]
    place: Place,
}

/// Accounts and regions.
#[derive(Debug, Args)]
struct Place {
    /// The account; of a secret's name by default the only one
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// The region; of a secret's name by default AWS_REGION or AWS_DEFAULT_REGION
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
}

impl Place {
    fn secret(&self, secret: &str) -> AskedSecret {
        AskedSecret {
            secret: secret.to_owned(),
            account: self.account.clone(),
            region: region_or_that_of_environment(self.region.as_ref()),
        }
    }

    fn all(&self) -> AskedRotations {
        AskedRotations {
            account: self.account.clone(),
            region: self.region.clone(),
            ..AskedRotations::default()
        }
    }
}

/// Asks, and prints the answer.
pub(super) fn run(arguments: &RotationArguments) -> Result<ExitCode, Failed> {
    let socket = arguments.server.socket()?;
    match &arguments.command {
        RotationCommand::List {
            failing,
            place,
            json,
        } => list(&socket, *failing, place, *json)?,
        RotationCommand::Show { secret, json } => {
            let shown = shown(&socket, &secret.place.secret(&secret.secret))?;
            match json {
                true => say(&serde_json::to_string(&shown)?),
                false => say(timeline(&shown).trim_end()),
            }
        }
        RotationCommand::Tail {
            secret,
            place,
            after,
            until_over,
            json,
        } => {
            let secret = secret.as_ref().map(|secret| place.secret(secret));
            let mut tail = Tail {
                asked: AskedTail {
                    secret,
                    since: None,
                },
                told: HashMap::new(),
                json: *json,
            };
            return tail.follow(&socket, after.as_deref(), *until_over);
        }
        RotationCommand::Graph { place, dot, json } => {
            let graph = graph(&socket, &place.all())?;
            match (dot, json) {
                (true, _) => say(dot_of(&graph).trim_end()),
                (_, true) => say(&serde_json::to_string(&graph)?),
                _ => say(graph_in_words(&graph).trim_end()),
            }
        }
        RotationCommand::Repair {
            secret,
            finish,
            abandon,
            cancel,
            force,
            yes,
            json,
        } => {
            let way = match (finish, abandon) {
                (true, _) => Some(Way::Finish),
                (_, true) => Some(Way::Abandon),
                _ => None,
            };
            let asked = AskedRepair {
                secret: secret.place.secret(&secret.secret),
                version_id: None,
                way,
                cancel: *cancel,
                force: *force,
            };
            repair(&socket, asked, *yes, *json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Every secret of a listing, page by page.
pub(super) fn listed(socket: &Path, mut asked: AskedRotations) -> Result<Vec<Overview>, Failed> {
    let mut all = Vec::new();
    loop {
        let page: ListedRotations = ask(socket, "/rotation/list", &asked)?;
        let Some(last) = page.secrets.last() else {
            return Ok(all);
        };
        asked.after = Some(last.arn.clone());
        all.extend(page.secrets);
    }
}

/// How secrets depend on each other.
pub(super) fn graph(socket: &Path, asked: &AskedRotations) -> Result<Graph, Failed> {
    ask(socket, "/rotation/graph", asked)
}

fn shown(socket: &Path, asked: &AskedSecret) -> Result<Shown, Failed> {
    ask(socket, "/rotation/show", asked)
}

fn ask<Answer: serde::de::DeserializeOwned>(
    socket: &Path,
    path: &'static str,
    asked: &impl Serialize,
) -> Result<Answer, Failed> {
    asked_for_long(socket, Method::POST, path, serde_json::to_vec(asked)?)
}

fn list(socket: &Path, failing: bool, place: &Place, json: bool) -> Result<(), Failed> {
    let asked = AskedRotations {
        failing,
        ..place.all()
    };
    let secrets = listed(socket, asked)?;
    let findings = graph(socket, &place.all())?.findings;
    if json {
        say(&json!({"Secrets": secrets, "Findings": findings}).to_string());
        return Ok(());
    }
    let mut text = String::new();
    for secret in &secrets {
        let _ = writeln!(text, "{}", at_a_glance(secret));
    }
    if secrets.is_empty() {
        text.push_str(match failing {
            true => "No secret's rotation fails, and none left a version pending.\n",
            false => "No secret rotates.\n",
        });
    }
    add_findings(&findings, &mut text);
    say(text.trim_end());
    Ok(())
}

fn add_findings(findings: &[Finding], text: &mut String) {
    if !findings.is_empty() {
        text.push('\n');
    }
    for finding in findings {
        let _ = writeln!(text, "! {}\n  {}", printable(&finding.text), finding.remedy);
    }
}

/// A secret in a list: a line, and what is wrong below it.
fn at_a_glance(secret: &Overview) -> String {
    let mut text = format!("{:<9} {}", secret.state.name(), secret.arn);
    let mut more = Vec::new();
    if let Some(step) = &secret.under_way {
        let mut doing = format!("{}, attempt {}", step.step, step.attempt);
        match (secret.state, step.at) {
            (State::Retrying, Some(at)) => {
                let _ = write!(doing, " at {}", rfc3339(at));
            }
            _ => {
                if let Some(since) = step.running_since {
                    let _ = write!(doing, " since {}", rfc3339(since));
                }
            }
        }
        more.push(doing);
    }
    if let Some(schedule) = &secret.schedule {
        more.push(schedule.clone());
    }
    more.push(match secret.last_rotated {
        Some(at) => format!("last rotated {}", rfc3339(at)),
        None => "never rotated".to_owned(),
    });
    if let Some(next) = &secret.next {
        more.push(format!("next {}", rfc3339(next.at)));
    }
    let _ = write!(text, "\n          {}", more.join("; "));
    if let Some(failing) = &secret.failing {
        let _ = write!(
            text,
            "\n          fails since {}: {}",
            rfc3339(failing.since),
            printable(&failing.error)
        );
        if let Some(remedy) = &failing.remedy {
            let _ = write!(text, "\n          what to do: {remedy}");
        }
    }
    if let Some(pending) = &secret.pending {
        let _ = write!(text, "\n          {}", printable(&pending.explanation));
    }
    text
}

/// A secret's rotations, as a person reads them: the newest last, where the eye is.
fn timeline(shown: &Shown) -> String {
    let secret = &shown.overview;
    let mut text = at_a_glance(secret);
    if let Some(function) = &secret.function {
        let _ = write!(text, "\n          by {function}");
    }
    text.push('\n');
    if shown.runs.is_empty() {
        text.push_str("\nNo rotation of it is remembered.\n");
    }
    for run in shown.runs.iter().rev() {
        let _ = write!(text, "\n{}\n", heading(run));
        for step in &run.steps {
            let _ = writeln!(text, "{}", step_line(step));
        }
        let _ = writeln!(text, "{}", ending(run));
    }
    text
}

fn heading(run: &Run) -> String {
    let what = match run.kind {
        Kind::Rotation => "Rotation",
        Kind::Test => "Test of the function",
    };
    let why = match run.trigger {
        Trigger::Request => "by request",
        Trigger::Schedule => "by schedule",
        Trigger::Operator => "decided by an operator",
    };
    format!(
        "{}  {what} {} {why}, to version {}",
        rfc3339(run.started),
        run.number,
        run.version_id
    )
}

fn step_line(step: &ShownStep) -> String {
    let mut text = format!(
        "{}  {:<12} attempt {}  {:>9}  ",
        rfc3339(step.started),
        step.step,
        step.attempt,
        took(step.took_milliseconds)
    );
    match &step.error {
        None => text.push_str("ok"),
        Some(error) => {
            let _ = write!(text, "failed: {}", printable(error));
        }
    }
    if let Some(remedy) = &step.remedy {
        let _ = write!(text, "\n{INDENT}what to do: {remedy}");
    }
    for line in &step.log {
        let _ = write!(text, "\n{INDENT}| {}", printable(line));
    }
    text
}

fn ending(run: &Run) -> String {
    if let Some(next) = &run.next {
        return match (next.running_since, next.at) {
            (Some(since), _) => format!(
                "{}  {:<12} attempt {}  running",
                rfc3339(since),
                next.step,
                next.attempt
            ),
            (None, at) => format!(
                "{}  {:<12} attempt {}  is next",
                rfc3339(at.unwrap_or(run.started)),
                next.step,
                next.attempt
            ),
        };
    }
    let took = run.finished.map(|finished| finished.since(run.started));
    format!(
        "{}  {} after {}",
        rfc3339(run.finished.unwrap_or(run.started)),
        state_name(run.state),
        took.map_or_else(String::new, |took| {
            self::took(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
        })
    )
}

fn state_name(state: RunState) -> &'static str {
    match state {
        RunState::Running => "running",
        RunState::Retrying => "retrying",
        RunState::Succeeded => "succeeded",
        RunState::Failed => "failed",
        RunState::Abandoned => "abandoned",
        RunState::Cancelled => "cancelled",
        RunState::Deleted => "ended with the secret",
    }
}

fn took(milliseconds: u64) -> String {
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..60_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        60_000..3_600_000 => {
            let seconds = milliseconds / 1_000;
            format!("{} min {} s", seconds / 60, seconds % 60)
        }
        _ => {
            let minutes = milliseconds / 60_000;
            format!("{} h {} min", minutes / 60, minutes % 60)
        }
    }
}

/// A function decides what it logs, not what a terminal does.
pub(super) fn printable(line: &str) -> String {
    line.replace(|character: char| character.is_control(), " ")
}

/// Follows rotations.
struct Tail {
    asked: AskedTail,
    /// Of each rotation, how many steps were told, and whether its end was.
    told: HashMap<String, (usize, bool)>,
    json: bool,
}

impl Tail {
    fn follow(
        &mut self,
        socket: &Path,
        after: Option<&str>,
        until_over: bool,
    ) -> Result<ExitCode, Failed> {
        if let (Some(after), Some(secret)) = (after, self.asked.secret.clone()) {
            let runs = shown(socket, &secret)?.runs;
            let Some(place) = runs.iter().position(|run| run.number == after) else {
                return Err(Failed::new(format!(
                    "no rotation {after} of it is remembered: `strongroom rotation show` has those that are"
                )));
            };
            for run in &runs[place..] {
                self.told.insert(run.number.clone(), (usize::MAX, true));
            }
            for run in runs[..place].iter().rev() {
                self.tell(run);
            }
        }
        let mut is_lost = false;
        loop {
            let answer: Result<Tailed, Failed> = ask(socket, "/rotation/tail", &self.asked);
            match answer {
                Ok(tailed) => {
                    is_lost = false;
                    for run in &tailed.runs {
                        self.tell(run);
                    }
                    if until_over {
                        match tailed.runs.last().or(None) {
                            None if self.asked.since.is_none() => {
                                return Err(Failed::new("no rotation of it is remembered"));
                            }
                            Some(run) if run.finished.is_some() => {
                                return Ok(match run.state {
                                    RunState::Succeeded => ExitCode::SUCCESS,
                                    _ => ExitCode::FAILURE,
                                });
                            }
                            _ => {}
                        }
                    }
                    self.asked.since = Some(tailed.next);
                }
                // A server that is restarted comes back.
                Err(Failed(why)) if self.asked.since.is_some() => {
                    if !is_lost {
                        tell_aside(&format!("{why}; trying again"));
                    }
                    is_lost = true;
                }
                Err(failed) => return Err(failed),
            }
            std::thread::sleep(FOLLOWED_EVERY);
        }
    }

    /// Tells what of a rotation wasn't told yet.
    fn tell(&mut self, run: &Run) {
        let known = self.told.get(&run.number).copied();
        let (steps, is_ended) = known.unwrap_or_default();
        if known.is_none() {
            self.line(run, "Started", None, &heading(run));
        }
        for step in run.steps.iter().skip(steps) {
            self.line(run, "Step", Some(step), &step_line(step));
        }
        if run.finished.is_some() && !is_ended {
            self.line(run, "Ended", None, &ending(run));
        }
        let told = (
            run.steps.len().max(steps),
            run.finished.is_some() || is_ended,
        );
        self.told.insert(run.number.clone(), told);
    }

    fn line(&self, run: &Run, event: &str, step: Option<&ShownStep>, text: &str) {
        if !self.json {
            let of_all = self.asked.secret.is_none();
            let of = of_all.then(|| format!("\n{INDENT}{}", run.secret_arn));
            return say(&format!("{text}{}", of.unwrap_or_default()));
        }
        let mut line = json!({
            "SecretARN": run.secret_arn, "Run": run.number, "VersionId": run.version_id, "Event": event,
        });
        match step {
            Some(step) => line["Step"] = json!(step),
            None => {
                line["State"] = json!(run.state);
                line["At"] = json!(rfc3339(run.finished.unwrap_or(run.started)));
            }
        }
        say(&line.to_string());
    }
}

fn tell_aside(text: &str) {
    use std::io::Write as _;
    // If standard error is closed there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn graph_in_words(graph: &Graph) -> String {
    let mut text = String::new();
    for node in &graph.secrets {
        let mut edges = graph
            .edges
            .iter()
            .filter(|edge| edge.secret_arn == node.arn);
        let rotates = match (&node.schedule, &node.window) {
            (Some(schedule), Some(window)) => format!(
                "{schedule}, next between {} and {}",
                rfc3339(window.from),
                rfc3339(window.until)
            ),
            (Some(schedule), None) => schedule.clone(),
            _ => "doesn't rotate by itself".to_owned(),
        };
        let _ = writeln!(text, "{}\n          {rotates}", node.arn);
        for edge in &mut edges {
            let _ = writeln!(
                text,
                "          rotated with {} ({})",
                printable(&edge.master_arn),
                edge.version_stages.join(", ")
            );
        }
    }
    if graph.secrets.is_empty() {
        text.push_str("No secret rotates, and none names another as its master.\n");
    }
    add_findings(&graph.findings, &mut text);
    text
}

/// For Graphviz; what findings are about is red.
fn dot_of(graph: &Graph) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let is_found = |arn: &String| {
        let mut findings = graph.findings.iter();
        findings.any(|finding| finding.secrets.contains(arn))
    };
    let mut text = "digraph rotation {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
    for node in &graph.secrets {
        let schedule = node.schedule.as_deref().unwrap_or("doesn't rotate");
        let label = quoted(&format!("{}\n{schedule}", node.name)).replace('\n', "\\n");
        let color = if is_found(&node.arn) {
            ", color=red"
        } else {
            ""
        };
        let _ = writeln!(text, "  {} [label={label}{color}];", quoted(&node.arn));
    }
    for edge in &graph.edges {
        let (secret, master) = (quoted(&edge.secret_arn), quoted(&edge.master_arn));
        let _ = writeln!(text, "  {secret} -> {master} [label=\"masterarn\"];");
    }
    text.push_str("}\n");
    text
}

fn repair(socket: &Path, mut asked: AskedRepair, yes: bool, json: bool) -> Result<(), Failed> {
    let overview = shown(socket, &asked.secret)?.overview;
    if asked.way.is_none() && !asked.cancel {
        match json {
            true => say(&json!({"ARN": overview.arn, "Pending": overview.pending}).to_string()),
            false => say(&advice(&overview)),
        }
        return Ok(());
    }
    asked.version_id = overview
        .pending
        .as_ref()
        .map(|pending| pending.version_id.clone());
    if !yes {
        if json {
            return Err(Failed::new(
                "with --json nothing is asked: say --yes as well",
            ));
        }
        say(&advice(&overview));
        let question = match (asked.cancel, asked.way) {
            (true, None) => "End the rotation that is under way?",
            (_, Some(Way::Finish)) => "Make the pending version current?",
            (_, Some(Way::Abandon) | None) => "Take AWSPENDING off?",
        };
        if !confirmed(question)? {
            return Err(Failed::new("nothing was changed"));
        }
    }
    let repaired: Repaired = ask(socket, "/rotation/repair", &asked)?;
    match json {
        true => say(&serde_json::to_string(&repaired)?),
        false => say(&repaired.done.join("\n")),
    }
    Ok(())
}

/// What is pending, and what to do about it.
fn advice(overview: &Overview) -> String {
    let arn = &overview.arn;
    match (&overview.pending, overview.state) {
        (Some(pending), _) => format!(
            "{}{}",
            printable(&pending.explanation),
            command(pending, arn)
        ),
        (None, State::Running | State::Retrying) => format!(
            "A rotation of {arn} is under way: `strongroom rotation tail {arn}` follows it, --cancel ends it."
        ),
        (None, _) => format!("No version of {arn} is left pending: there is nothing to repair."),
    }
}

fn command(pending: &Pending, arn: &str) -> String {
    match pending.advice.flag() {
        Some(flag) => format!("\n\n  strongroom rotation repair {arn} {flag}"),
        None => format!(
            "\n\n  aws secretsmanager rotate-secret --secret-id {arn} --client-request-token {}",
            pending.version_id
        ),
    }
}

/// As wide as an instant and two spaces.
const INDENT: &str = "                      ";
