//! Every key of the configuration, in the order in which it is documented.

use std::fmt::Write as _;

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Where it stands, such as `server.tls.key`.
    pub path: &'static str,
    /// What a value is.
    pub kind: Kind,
    /// The value where it is absent, as text; or what happens then.
    pub default: &'static str,
    /// What it means, in a sentence or two.
    pub meaning: &'static str,
}

/// What a key's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// A number without fraction.
    Integer,
    /// `true` or `false`.
    Flag,
    /// Strings; in an environment variable separated by commas.
    List,
}

impl Key {
    /// The environment variable that sets it instead of the file: `STRONGROOM_SERVER_TLS_KEY` for `server.tls.key`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!(
            "{VARIABLE_PREFIX}{}",
            self.path.replace('.', "_").to_ascii_uppercase()
        )
    }

    /// The table that it stands in, such as `server.tls`.
    #[must_use]
    pub fn section(&self) -> &'static str {
        self.path
            .rsplit_once('.')
            .map_or("", |(section, _)| section)
    }

    /// Whether its table may be there several times: then no environment variable sets it.
    #[must_use]
    pub fn is_repeated(&self) -> bool {
        REPEATED_SECTIONS.contains(&self.section())
    }

    /// What stands over it in the file, such as `[server.tls]`.
    #[must_use]
    pub fn heading(&self) -> String {
        match self.is_repeated() {
            true => format!("[[{}]]", self.section()),
            false => format!("[{}]", self.section()),
        }
    }

    /// Its own name, such as `key`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or_default()
    }
}

/// What every environment variable of ours begins with.
pub(super) const VARIABLE_PREFIX: &str = "STRONGROOM_";

/// Tables that may be there several times.
const REPEATED_SECTIONS: &[&str] = &[
    "functions.endpoints",
    "audit.feeds",
    "audit.buckets",
    "audit.anchors",
];

const fn key(path: &'static str, kind: Kind, default: &'static str, meaning: &'static str) -> Key {
    Key {
        path,
        kind,
        default,
        meaning,
    }
}

/// All keys.
pub const KEYS: &[Key] = &[
    key(
        "server.listen",
        Kind::Text,
        "127.0.0.1:4599",
        "Address and port of the API.",
    ),
    key(
        "server.allow_plaintext",
        Kind::Flag,
        "false",
        "Allows an address that other machines reach without a certificate: for a proxy in front that does TLS.",
    ),
    key(
        "server.trusted_proxies",
        Kind::List,
        "[]",
        "Addresses or ranges of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed, such as `[\"10.0.0.0/8\"]`. Anyone else's are ignored.",
    ),
    key(
        "server.partition",
        Kind::Text,
        "aws",
        "The partition of AWS whose regions are served, and of which ARNs are: `aws`, `aws-cn` or `aws-us-gov`. A request that is signed for a region of another one is refused. `strongroom dev` serves all.",
    ),
    key(
        "server.threads",
        Kind::Integer,
        "0",
        "Threads that answer requests; 0 means one for each processor.",
    ),
    key(
        "server.tls.certificate",
        Kind::Text,
        "none: plain HTTP",
        "PEM file with the certificate chain, own certificate first. Read again on SIGHUP.",
    ),
    key(
        "server.tls.key",
        Kind::Text,
        "none: plain HTTP",
        "PEM file with the certificate's private key. Read again on SIGHUP.",
    ),
    key(
        "data.dir",
        Kind::Text,
        "required",
        "Folder that keeps the data, as a whole path. `strongroom init` makes it, for its own user alone (mode 0700).",
    ),
    key(
        "data.store_cache_bytes",
        Kind::Integer,
        "0",
        "Most memory for the store's pages. 0: an eighth of the memory that the process may use, by the machine and by its control group.",
    ),
    key(
        "data.record_cache_bytes",
        Kind::Integer,
        "0",
        "Most memory for decoded records. Values in it are encrypted. 0: a quarter of the memory that the process may use.",
    ),
    key(
        "seal.key_file",
        Kind::Text,
        "none",
        "File with a key that opens the root key. `strongroom init` makes it where it is missing. Keep it, and its copies, apart from the data and the backups.",
    ),
    key(
        "seal.passphrase_file",
        Kind::Text,
        "none",
        "File whose first line is a passphrase of at least 15 characters that opens the root key.",
    ),
    key(
        "seal.passphrase_env",
        Kind::Text,
        "none",
        "Name of an environment variable with a passphrase that opens the root key.",
    ),
    key(
        "seal.passphrase_prompt",
        Kind::Flag,
        "false",
        "Asks for the passphrase on the terminal at each start.",
    ),
    key(
        "seal.systemd_credential",
        Kind::Text,
        "none",
        "Name of a systemd credential with a key that opens the root key (`LoadCredentialEncrypted=` in the unit file).",
    ),
    key(
        "seal.pkcs11_module",
        Kind::Text,
        "none",
        "The PKCS #11 module (a shared library) of a hardware token that opens the root key, such as `/usr/lib/softhsm/libsofthsm2.so`.",
    ),
    key(
        "seal.pkcs11_token",
        Kind::Text,
        "none",
        "The label of the token.",
    ),
    key(
        "seal.pkcs11_key",
        Kind::Text,
        "strongroom",
        "The label of the AES key on the token. It is made where it is missing, and never leaves the token.",
    ),
    key(
        "seal.pkcs11_pin_file",
        Kind::Text,
        "none",
        "File whose first line is the token's PIN. A wrong PIN is tried once, never again by itself.",
    ),
    key(
        "seal.pkcs11_pin_env",
        Kind::Text,
        "none",
        "Name of an environment variable with the token's PIN.",
    ),
    key(
        "seal.pkcs11_pin_prompt",
        Kind::Flag,
        "false",
        "Asks for the token's PIN on the terminal at each start.",
    ),
    key(
        "seal.kms_key_id",
        Kind::Text,
        "none",
        "The id, ARN or alias of a symmetric key of another KMS (AWS KMS or another Strongroom) that opens the root key.",
    ),
    key(
        "seal.kms_region",
        Kind::Text,
        "none",
        "The region of that key.",
    ),
    key(
        "seal.kms_endpoint",
        Kind::Text,
        "none: AWS's of the region",
        "The other KMS's URL.",
    ),
    key(
        "seal.kms_ca_file",
        Kind::Text,
        "none: the system's",
        "PEM file with the certificate authorities that are trusted for the other KMS.",
    ),
    key(
        "seal.kms_credentials_file",
        Kind::Text,
        "none: the environment",
        "File with the credentials for the other KMS, as lines `AWS_ACCESS_KEY_ID=...`, `AWS_SECRET_ACCESS_KEY=...`, `AWS_SESSION_TOKEN=...`. Without it the environment variables of these names.",
    ),
    key(
        "seal.shares_file",
        Kind::Text,
        "none",
        "File with recovery shares, one a line: for a recovery, not for every start.",
    ),
    key(
        "seal.shares_prompt",
        Kind::Flag,
        "false",
        "Asks for recovery shares on the terminal, one after the other: for a recovery, not for every start.",
    ),
    key(
        "seal.wait_seconds",
        Kind::Integer,
        "60",
        "How long a start goes on trying where what opens the root key can't be reached just now, such as another KMS.",
    ),
    key(
        "backup.folder",
        Kind::Text,
        "none: none are made",
        "Folder that scheduled backups go to: best a mount of another machine.",
    ),
    key(
        "backup.every_hours",
        Kind::Integer,
        "24",
        "Hours from one scheduled backup to the next.",
    ),
    key(
        "backup.keep",
        Kind::Integer,
        "14",
        "Scheduled backups that are kept; older ones go once a newer one is whole on disk.",
    ),
    key(
        "backup.recipients",
        Kind::List,
        "[]",
        "The age recipients that may open scheduled backups, as `age-keygen` prints them; at least one with `folder`.",
    ),
    key(
        "audit.durability",
        Kind::Text,
        "fsync",
        "What an answer waits for until its event is in the audit log: `fsync`, on the disk, or `write`, handed to the system, which costs less and gives up that a power cut or a crash of the machine may take the events of the last moments, though not those of changes, which are in the store.",
    ),
    key(
        "audit.segment_mib",
        Kind::Integer,
        "64",
        "MiB after which a segment of the audit log is closed, signed and compressed; 1 to 1024.",
    ),
    key(
        "audit.retention_days",
        Kind::Integer,
        "0",
        "Days for which closed segments of the audit log are kept; 0: for ever.",
    ),
    key(
        "audit.memory",
        Kind::Text,
        "none: `~/.local/state`",
        "Folder in which this machine remembers the newest head of each log that it had, so that a start on an older copy of the data folder is noticed; `off`: it doesn't. By default `strongroom/audit-heads` in `$XDG_STATE_HOME`, or in `.local/state` of the home of whoever runs the server.",
    ),
    key(
        "audit.witness_token_file",
        Kind::Text,
        "none: no witness",
        "File with the token for which `POST /audit/witness` of the operations listener takes heads of other logs.",
    ),
    key(
        "audit.witness_token_env",
        Kind::Text,
        "none: no witness",
        "Name of an environment variable with it.",
    ),
    key(
        "audit.delivery_seconds",
        Kind::Integer,
        "300",
        "Seconds from one delivery of trails to the next.",
    ),
    key(
        "audit.digest_seconds",
        Kind::Integer,
        "3600",
        "Seconds from one digest of what a trail delivered to the next, 1 to 3600; no sooner than the next delivery.",
    ),
    key(
        "audit.feeds.name",
        Kind::Text,
        "required",
        "What the feed is called: 1 to 64 letters, digits, hyphens and underscores. How far it came is kept under this name.",
    ),
    key(
        "audit.feeds.kind",
        Kind::Text,
        "required",
        "`syslog`, `webhook`, `eventbridge`, `otlp` or `file`; docs/audit.md has an example of each.",
    ),
    key(
        "audit.feeds.url",
        Kind::Text,
        "required, but for `file`",
        "Where events go: `tls://HOST:PORT` or `tcp://HOST:PORT` of a syslog server, else an `https://` or `http://` URL. Redirects aren't followed.",
    ),
    key(
        "audit.feeds.path",
        Kind::Text,
        "required for `file`",
        "The file that events go to, one a line, as a whole path.",
    ),
    key(
        "audit.feeds.from",
        Kind::Text,
        "now",
        "Where a feed begins whose name is new: `now`, with what happens from then on, or `start`, with the oldest event of the log.",
    ),
    key(
        "audit.feeds.event_names",
        Kind::List,
        "[]",
        "Names of the events that are sent, such as `[\"GetSecretValue\", \"Delete*\"]`, with `*` for any run of characters. Empty: all.",
    ),
    key(
        "audit.feeds.event_sources",
        Kind::List,
        "[]",
        "Sources of the events that are sent, such as `[\"kms.amazonaws.com\"]`, likewise.",
    ),
    key(
        "audit.feeds.errors_only",
        Kind::Flag,
        "false",
        "Sends what failed alone: refused calls, and what failed by itself, such as a rotation.",
    ),
    key(
        "audit.feeds.writes_only",
        Kind::Flag,
        "false",
        "Leaves out what only reads.",
    ),
    key(
        "audit.feeds.format",
        Kind::Text,
        "`array`; `single` for `eventbridge`",
        "How events stand in a request of a webhook: `array`, a JSON array; `lines`, one a line; or `single`, one a request.",
    ),
    key(
        "audit.feeds.token_file",
        Kind::Text,
        "none",
        "File with a bearer token that is sent along.",
    ),
    key(
        "audit.feeds.token_env",
        Kind::Text,
        "none",
        "Name of an environment variable with it.",
    ),
    key(
        "audit.feeds.signing_key_file",
        Kind::Text,
        "none",
        "File with a key by which requests are signed: HMAC-SHA256 in `X-Strongroom-Signature`.",
    ),
    key(
        "audit.feeds.signing_key_env",
        Kind::Text,
        "none",
        "Name of an environment variable with it.",
    ),
    key(
        "audit.feeds.ca_file",
        Kind::Text,
        "none: the system's",
        "PEM file with the certificate authorities that are trusted for the target.",
    ),
    key(
        "audit.feeds.client_certificate",
        Kind::Text,
        "none",
        "PEM file with a certificate that is shown to the target.",
    ),
    key(
        "audit.feeds.client_key",
        Kind::Text,
        "none",
        "PEM file with its private key.",
    ),
    key(
        "audit.feeds.facility",
        Kind::Text,
        "audit",
        "Facility of syslog messages, such as `authpriv` or `local0`.",
    ),
    key(
        "audit.feeds.severity",
        Kind::Text,
        "info",
        "Severity of syslog messages; that of failed calls is `warning` at least.",
    ),
    key(
        "audit.feeds.rotate_mib",
        Kind::Integer,
        "100",
        "MiB from which on a file is moved aside.",
    ),
    key(
        "audit.feeds.keep",
        Kind::Integer,
        "5",
        "How many files that were moved aside are kept.",
    ),
    key(
        "audit.feeds.batch_events",
        Kind::Integer,
        "1000",
        "Most events of one delivery, which has 1 MiB at most.",
    ),
    key(
        "audit.feeds.timeout_seconds",
        Kind::Integer,
        "30",
        "Most time for one delivery.",
    ),
    key(
        "audit.buckets.name",
        Kind::Text,
        "required",
        "What trails call the bucket, and what it is called at its endpoint.",
    ),
    key(
        "audit.buckets.folder",
        Kind::Text,
        "this or `endpoint`",
        "Folder that the bucket is, as a whole path.",
    ),
    key(
        "audit.buckets.endpoint",
        Kind::Text,
        "this or `folder`",
        "URL of a server that speaks S3, such as `https://s3.eu-central-1.amazonaws.com`; the bucket's name stands in the path.",
    ),
    key(
        "audit.buckets.region",
        Kind::Text,
        "us-east-1",
        "The region that requests are signed for.",
    ),
    key(
        "audit.buckets.credentials_file",
        Kind::Text,
        "none: the environment",
        "File with the credentials, `AWS_ACCESS_KEY_ID=` and so on, one a line; read for each object.",
    ),
    key(
        "audit.buckets.ca_file",
        Kind::Text,
        "none: the system's",
        "PEM file with the certificate authorities that are trusted for the endpoint.",
    ),
    key(
        "audit.anchors.file",
        Kind::Text,
        "one of the three",
        "File that heads of the audit log are appended to, one a line, as a whole path.",
    ),
    key(
        "audit.anchors.url",
        Kind::Text,
        "one of the three",
        "URL that each head is posted to, as JSON.",
    ),
    key(
        "audit.anchors.witness",
        Kind::Text,
        "one of the three",
        "URL of another Strongroom's operations listener, which refuses a head that goes back or isn't signed by its log's key.",
    ),
    key(
        "audit.anchors.every_seconds",
        Kind::Integer,
        "60",
        "Seconds from one head to the next, while the log grows. The last one is sent when the server ends.",
    ),
    key(
        "audit.anchors.token_file",
        Kind::Text,
        "none",
        "File with a bearer token that is sent along; a witness has its own in `witness_token_file`.",
    ),
    key(
        "audit.anchors.token_env",
        Kind::Text,
        "none",
        "Name of an environment variable with it.",
    ),
    key(
        "audit.anchors.ca_file",
        Kind::Text,
        "none: the system's",
        "PEM file with the certificate authorities that are trusted for the URL.",
    ),
    key(
        "oidc.ca_file",
        Kind::Text,
        "none: the system's alone",
        "PEM file with certificate authorities that identity providers are trusted by, beside the system's.",
    ),
    key(
        "oidc.key_sources",
        Kind::List,
        "[]",
        "Where the keys of identity providers are that can't be asked themselves: `ISSUER=FILE`, a JSON Web Key Set that is read again when it has to be, or `ISSUER=URL`.",
    ),
    key(
        "oidc.local_issuers",
        Kind::List,
        "[]",
        "Identity providers, by their URLs, that may be at loopback, link-local and metadata addresses; no others are asked there.",
    ),
    key(
        "functions.default_endpoint",
        Kind::Text,
        "none",
        "URL of a server that speaks Lambda's Invoke, AWS Lambda or another: it is asked for every function that nothing else answers for.",
    ),
    key(
        "functions.credentials_file",
        Kind::Text,
        "none: the environment",
        "File with the credentials that such servers are asked with, as lines `AWS_ACCESS_KEY_ID=...`, `AWS_SECRET_ACCESS_KEY=...`, `AWS_SESSION_TOKEN=...`; it is read for each call. Without it the environment variables of these names.",
    ),
    key(
        "functions.ca_file",
        Kind::Text,
        "none: the system's",
        "PEM file with the certificate authorities that are trusted for such servers; for `webhook_hosts` beside the system's.",
    ),
    key(
        "functions.webhook_hosts",
        Kind::List,
        "[]",
        "Web servers that the built-in function `strongroom-webhook` may post to, over `https://` alone: `HOST` for port 443, or `HOST:PORT`. Loopback, link-local and metadata addresses are never asked.",
    ),
    key(
        "functions.local.run",
        Kind::Flag,
        "false",
        "Whether functions that are kept in this server are run, in processes of this machine (docs/functions.md). Whoever may create functions then has code of theirs run here.",
    ),
    key(
        "functions.local.endpoint",
        Kind::Text,
        "none: server.listen, on this machine",
        "URL by which such functions reach this server.",
    ),
    key(
        "functions.local.ca_file",
        Kind::Text,
        "none: the system's",
        "PEM file with the certificate authorities by which they know it.",
    ),
    key(
        "functions.local.python",
        Kind::Text,
        "none: `python3` of PATH",
        "The Python that runs functions of the runtimes `python3.*`.",
    ),
    key(
        "functions.local.python_path",
        Kind::List,
        "[]",
        "Folders with libraries that every such function finds, such as boto3.",
    ),
    key(
        "functions.local.node",
        Kind::Text,
        "none: `node` of PATH",
        "The Node.js that runs functions of the runtimes `nodejs*.x`.",
    ),
    key(
        "functions.local.processes",
        Kind::Integer,
        "8",
        "Processes of functions at once, idle ones included; one more is asked to come again later.",
    ),
    key(
        "functions.local.idle_seconds",
        Kind::Integer,
        "300",
        "How long such a process is kept that has nothing to do; 0: each serves one invocation.",
    ),
    key(
        "functions.local.tmp_mib",
        Kind::Integer,
        "128",
        "MiB of `/tmp` that each such process has. It is memory, so less than Lambda's 512.",
    ),
    key(
        "functions.local.isolation",
        Kind::Text,
        "full",
        "What keeps such functions from everything else: `full`, namespaces of their own, Landlock and a filter of system calls; or `none`, where the system allows no more. With `none` a function can read whatever the server can, the data folder and the seal's key among it: for development only.",
    ),
    key(
        "functions.endpoints.pattern",
        Kind::Text,
        "required",
        "Which functions the server of this table is asked for: an ARN in which `*` is any run of characters and `?` any one. It is asked even where there is a function of that name here. The first table that matches counts.",
    ),
    key(
        "functions.endpoints.url",
        Kind::Text,
        "required",
        "The server's URL, such as `https://lambda.eu-central-1.amazonaws.com`.",
    ),
    key(
        "functions.endpoints.credentials_file",
        Kind::Text,
        "that of `[functions]`",
        "File with the credentials for this server.",
    ),
    key(
        "functions.endpoints.ca_file",
        Kind::Text,
        "that of `[functions]`",
        "PEM file with the certificate authorities that are trusted for this server.",
    ),
    key(
        "operations.listen",
        Kind::Text,
        "none: not served",
        "Address and port of `/healthz`, `/readyz` and `/metrics`. Plain HTTP without authentication: keep it on loopback or an internal network.",
    ),
    key(
        "admin.socket",
        Kind::Text,
        "`admin.sock` in data.dir",
        "Unix socket of `strongroom admin`, for this user and root alone (mode 0600).",
    ),
    key(
        "limits.connections",
        Kind::Integer,
        "10000",
        "Open connections in all; one more is closed at once.",
    ),
    key(
        "limits.connections_per_source",
        Kind::Integer,
        "4000",
        "Open connections of one address (of one /64 for IPv6).",
    ),
    key(
        "limits.header_bytes",
        Kind::Integer,
        "65536",
        "Bytes of a request's header section; at least 8192.",
    ),
    key(
        "limits.header_count",
        Kind::Integer,
        "100",
        "Header lines of a request; at least 16.",
    ),
    key(
        "limits.header_read_seconds",
        Kind::Integer,
        "10",
        "Time from a header's first byte to its last; also for a new connection's first byte and for a TLS handshake.",
    ),
    key(
        "limits.body_bytes",
        Kind::Integer,
        "1048576",
        "Bytes of a request's body; at least 409600. Larger: 413.",
    ),
    key(
        "limits.body_memory_bytes",
        Kind::Integer,
        "268435456",
        "Memory for all bodies over 64 KiB together while they arrive; more of them wait.",
    ),
    key(
        "limits.body_read_seconds",
        Kind::Integer,
        "30",
        "Time for a body to arrive.",
    ),
    key(
        "limits.request_seconds",
        Kind::Integer,
        "30",
        "Time to answer a request that has arrived.",
    ),
    key(
        "limits.response_write_seconds",
        Kind::Integer,
        "30",
        "Time that a client may leave an answer unread.",
    ),
    key(
        "limits.request_rate_percent",
        Kind::Integer,
        "100",
        "How often an account may ask in a region, in percent of the request rates that AWS publishes for Secrets Manager, KMS and STS (docs/operations.md); more is refused with `ThrottlingException`, upon which SDKs wait and retry. 0: as often as it likes.",
    ),
    key(
        "limits.keep_alive_seconds",
        Kind::Integer,
        "75",
        "Time that a connection may be idle. Keep it above that of a load balancer in front.",
    ),
    key(
        "limits.http2_streams",
        Kind::Integer,
        "128",
        "Concurrent requests of one HTTP/2 connection.",
    ),
    key(
        "limits.http2_resets",
        Kind::Integer,
        "20",
        "Requests that an HTTP/2 client may have reset before they were looked at; more end the connection.",
    ),
    key(
        "limits.http2_stream_window_bytes",
        Kind::Integer,
        "262144",
        "HTTP/2 flow control for one request; 16384 to 2147483647.",
    ),
    key(
        "limits.http2_connection_window_bytes",
        Kind::Integer,
        "1048576",
        "HTTP/2 flow control for one connection; 65535 to 2147483647.",
    ),
    key(
        "limits.shutdown_seconds",
        Kind::Integer,
        "10",
        "Time that SIGTERM gives requests to finish.",
    ),
    key(
        "log.level",
        Kind::Text,
        "info",
        "`error`, `warn`, `info`, `debug` or `trace`; also by module, such as `info,strongroom=debug`. Values, keys and signatures are never logged.",
    ),
    key(
        "log.format",
        Kind::Text,
        "plain",
        "`plain`, or `json`: one object a line.",
    ),
];

/// The reference of all keys as Markdown: what `docs/configuration.md` ends with.
#[must_use]
pub fn reference() -> String {
    let mut text = String::new();
    let mut section = "";
    for key in KEYS {
        if key.section() != section {
            section = key.section();
            let _ = write!(
                text,
                "\n## `{}`\n\n{}| Key | Value | Default | Meaning |\n|---|---|---|---|\n",
                key.heading(),
                match key.is_repeated() {
                    true => "As many of these tables as are needed, in the file alone.\n\n",
                    false => "",
                }
            );
        }
        let kind = match key.kind {
            Kind::Text => "text",
            Kind::Integer => "integer",
            Kind::Flag => "true or false",
            Kind::List => "list of texts",
        };
        let _ = writeln!(
            text,
            "| `{}` | {kind} | {} | {} |",
            key.name(),
            key.default,
            key.meaning
        );
    }
    text
}
