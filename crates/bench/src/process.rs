//! A server as a process of its own: started, watched from outside, ended.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failed;
use crate::requests::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY};

/// Starts `strongroom dev` on a folder, with the credentials that [`Requests`](crate::requests::Requests) signs with.
pub(crate) fn start_strongroom(program: &Path, data: &Path) -> Result<Server, Failed> {
    start_recording(program, data, "fsync")
}

/// The same with a way of keeping the audit log.
pub(crate) fn start_recording(program: &Path, data: &Path, audit: &str) -> Result<Server, Failed> {
    let mut command = Command::new(program);
    command
        .args([
            "dev",
            "--listen",
            "127.0.0.1:0",
            "--log-level",
            "warn",
            "--region",
            REGION,
            "--audit",
            audit,
        ])
        .arg("--data-dir")
        .arg(data)
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY);
    Server::start(&mut command)
}

/// A server that is ready.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From its start to its `ready ` line.
    pub(crate) ready_after: Duration,
}

impl Server {
    /// Starts a server and waits for the line that starts with `ready ` and has its URL.
    pub(crate) fn start(command: &mut Command) -> Result<Self, Failed> {
        let begin = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{} can't be started: {error}", name(command)))?;
        let stdout = child.stdout.take().ok_or("the server has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let url = loop {
            match lines.next() {
                Some(line) => {
                    if let Some(rest) = line?.strip_prefix("ready ") {
                        break rest.trim().to_owned();
                    }
                }
                None => {
                    let status = child.wait()?;
                    return Err(
                        format!("{} ended before it was ready: {status}", name(command)).into(),
                    );
                }
            }
        };
        let ready_after = begin.elapsed();
        // Whatever it prints later is read and dropped, so that it never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        let address = url
            .split_whitespace()
            .find_map(|word| {
                word.strip_prefix("http://")?
                    .trim_end_matches('/')
                    .parse()
                    .ok()
            })
            .ok_or_else(|| format!("no address in the server's `ready {url}`"))?;
        Ok(Self {
            child,
            address,
            ready_after,
        })
    }

    /// CPU time that it has used so far, user and system, of all its threads.
    pub(crate) fn cpu(&self) -> Result<Duration, Failed> {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = std::fs::read_to_string(path)?;
        // The program's name, in parentheses, may hold anything; fields are counted from behind it.
        let (_, fields) = stat.rsplit_once(')').ok_or("unreadable /proc/PID/stat")?;
        let ticks = |place: usize| -> Result<u64, Failed> {
            let field = fields.split_whitespace().nth(place);
            Ok(field.ok_or("unreadable /proc/PID/stat")?.parse()?)
        };
        // utime and stime, fields 14 and 15 of proc_pid_stat(5).
        let ticks = ticks(11)? + ticks(12)?;
        let per_second = rustix::param::clock_ticks_per_second();
        Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
    }

    /// How many of its threads have this name, beside the first.
    pub(crate) fn threads_named(&self, name: &str) -> Result<usize, Failed> {
        let mut count = 0;
        let id = self.child.id().to_string();
        for task in std::fs::read_dir(format!("/proc/{id}/task"))? {
            let task = task?;
            // A thread that ends in this moment counts for nothing.
            let found = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            count += usize::from(found.trim_end() == name && task.file_name() != *id);
        }
        Ok(count)
    }

    /// Memory that it has resident, in bytes.
    pub(crate) fn resident_bytes(&self) -> Result<u64, Failed> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path)?;
        let kibibytes = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"))
            .ok_or("unreadable /proc/PID/status")?;
        Ok(kibibytes.trim().parse::<u64>()? * 1_024)
    }

    /// Ends it as a power cut would, as far as the process is concerned.
    pub(crate) fn kill(mut self) -> Result<(), Failed> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Ends it as a service manager would.
    pub(crate) fn stop(mut self) -> Result<(), Failed> {
        let pid = i32::try_from(self.child.id())?;
        let pid = rustix::process::Pid::from_raw(pid).ok_or("no process")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let end = Instant::now() + STOP_WITHIN;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > end {
                return Err("the server did not end after SIGTERM".into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already ended, unless something failed before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

const STOP_WITHIN: Duration = Duration::from_secs(15);
