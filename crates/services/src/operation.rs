//! What an operation is, and the table row that everything else derives from: dispatch, the action's
//! name, metrics.

use serde::Serialize;
use strongroom_keys::{Entropy, Keyring};

use crate::caller::Caller;
use crate::cloudtrail::buckets::Buckets;
use crate::cloudtrail::elements;
use crate::cloudtrail::history::History;
use crate::cloudtrail::told::Told;
use crate::gate::{self, Authorized, Need};
use crate::input::{self, Members, Understood};
use crate::lambda::elsewhere::Elsewhere;
use crate::origin::Origin;
use crate::records::{Changes, Records};
use crate::refusal::{Refusal, Stop};
use crate::time::Timestamp;

/// Room for a response of the usual size, so that writing it out doesn't move it from one buffer to
/// the next: each that is given up is zeroed.
const RESPONSE_BYTES_EXPECTED: usize = 2048;

/// What a decision is given besides the request and the records.
pub struct Given<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// Where from.
    pub origin: Origin<'a>,
    /// The domain's present instant.
    pub now: Timestamp,
    /// Fresh random bytes; seeded in simulations.
    pub entropy: &'a dyn Entropy,
    /// The keys in memory.
    pub keyring: &'a Keyring,
    /// Which functions are answered by servers outside.
    pub elsewhere: &'a Elsewhere,
    /// Which buckets trails may deliver to.
    pub buckets: &'a Buckets,
    /// What happened; absent where it isn't recorded.
    pub history: Option<&'a dyn History>,
}

/// What work that nobody asked for is given: that which falls due.
pub struct Means<'a> {
    /// The domain's present instant.
    pub now: Timestamp,
    /// Fresh random bytes; seeded in simulations.
    pub entropy: &'a dyn Entropy,
    /// The keys in memory.
    pub keyring: &'a Keyring,
    /// Which functions are answered by servers outside.
    pub elsewhere: &'a Elsewhere,
    /// Which buckets trails may deliver to.
    pub buckets: &'a Buckets,
    /// What happened; absent where it isn't recorded.
    pub history: Option<&'a dyn History>,
}

impl<'a> Means<'a> {
    /// What a decision for this caller is given, who asks inside the process.
    pub fn given(&self, caller: &'a Caller) -> Given<'a> {
        Given {
            caller,
            origin: Origin::INSIDE,
            now: self.now,
            entropy: self.entropy,
            keyring: self.keyring,
            elsewhere: self.elsewhere,
            buckets: self.buckets,
            history: self.history,
        }
    }
}

impl Given<'_> {
    /// What doesn't depend on the caller.
    pub fn means(&self) -> Means<'_> {
        Means {
            now: self.now,
            entropy: self.entropy,
            keyring: self.keyring,
            elsewhere: self.elsewhere,
            buckets: self.buckets,
            history: self.history,
        }
    }
}

/// One AWS operation: the parsed request is the value, its file is the whole story.
pub trait Operation: Sized + 'static {
    /// The operation's name in `X-Amz-Target`, in audit events and in metrics.
    const NAME: &'static str;
    /// Whether it may walk through many records: such work must not hold up others.
    const WALKS: bool = false;
    /// Whether nobody signs for it: its caller is who bears a token.
    const UNSIGNED: bool = false;
    /// Whether it changes nothing, as its events say it.
    const READ_ONLY: bool = is_read_by_name(Self::NAME);
    /// The response's shape. Members that have no value are left out, never null.
    type Output: Serialize;

    /// Takes the request out of its members; constraints of the model are noted in `members`.
    fn read(members: &mut Members<'_, '_>) -> Self;

    /// What the caller must be allowed to do.
    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop>;

    /// The rule: from what is there to what changes and what is answered.
    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Self::Output>, Stop>;

    /// Writes the response out. For an operation that is called so often that serde's way is too slow; what it writes
    /// is the same.
    fn write(output: &Self::Output, body: &mut Vec<u8>) -> serde_json::Result<()> {
        serde_json::to_writer(body, output)
    }

    /// What its event tells of the response: of one that changes nothing, nothing. What a response discloses is never in
    /// it.
    fn tell(output: &Self::Output) -> Option<Vec<u8>> {
        match Self::READ_ONLY {
            true => None,
            false => elements::of(output),
        }
    }
}

/// Whether an operation is one that changes nothing by how it is called.
const fn is_read_by_name(name: &str) -> bool {
    let mut at = 0;
    while at < READS.len() {
        if starts_with(name.as_bytes(), READS[at].as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

const READS: &[&str] = &[
    "BatchGet", "Describe", "Get", "List", "Simulate", "Validate",
];

const fn starts_with(name: &[u8], start: &[u8]) -> bool {
    let mut at = 0;
    while at < start.len() {
        if at >= name.len() || name[at] != start[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// A decision: the response, and what must be committed before it is given.
pub struct Decided<Output> {
    /// The response; `None` is an empty body.
    pub output: Option<Output>,
    /// What the store must hold before the response leaves.
    pub changes: Changes,
    /// What is said instead of a response.
    pub refusal: Option<Refusal>,
    /// What the operation's event says besides the request and the response.
    ///
    /// Source: AWS CloudTrail User Guide, CloudTrail record contents, `additionalEventData`.
    pub additional_event_data: Option<serde_json::Value>,
}

impl<Output> Decided<Output> {
    /// A response that changes nothing.
    pub fn answer(output: Output) -> Self {
        Decided {
            output: Some(output),
            changes: Changes::none(),
            refusal: None,
            additional_event_data: None,
        }
    }

    /// A response with changes.
    pub fn change(changes: Changes, output: Output) -> Self {
        Decided {
            output: Some(output),
            changes,
            refusal: None,
            additional_event_data: None,
        }
    }

    /// A refusal that leaves something behind, such as the count of a wrong code. It is given once the changes hold.
    pub fn refuse(changes: Changes, refusal: Refusal) -> Self {
        Decided {
            refusal: Some(refusal),
            ..Self::silent(changes)
        }
    }

    /// Changes, answered with an empty body.
    pub fn silent(changes: Changes) -> Self {
        Decided {
            output: None,
            changes,
            refusal: None,
            additional_event_data: None,
        }
    }

    /// The same, with more to say in its event.
    pub fn with_event_data(self, data: serde_json::Value) -> Self {
        Decided {
            additional_event_data: Some(data),
            ..self
        }
    }
}

/// A decision whose response is already written out.
pub struct Written {
    /// The response body.
    pub body: Vec<u8>,
    /// What must be committed first.
    pub changes: Changes,
    /// What is said then, instead of the response.
    pub refusal: Option<Refusal>,
    /// What the operation's event says besides the request and the response.
    pub additional_event_data: Option<serde_json::Value>,
}

/// An operation's row in its service's table.
pub struct Entry {
    /// The operation's name.
    pub name: &'static str,
    /// Whether it may walk through many records.
    pub walks: bool,
    /// Whether nobody signs for it.
    pub unsigned: bool,
    /// Whether it changes nothing.
    pub read_only: bool,
    /// Reads the body, authorizes and decides.
    pub run: fn(&[u8], &Records<'_>, &Given<'_>) -> Result<Written, Stop>,
    /// What the event of a request tells of itself that is refused before it is run.
    pub tell: fn(&[u8]) -> Told,
}

impl Entry {
    /// The row of one operation.
    pub const fn of<Op: Operation>() -> Self {
        Entry {
            name: Op::NAME,
            walks: Op::WALKS,
            unsigned: Op::UNSIGNED,
            read_only: Op::READ_ONLY,
            run: run::<Op, false>,
            tell: tell::<Op, false>,
        }
    }

    /// The row of one operation of a service that speaks the query protocol.
    pub const fn of_query<Op: Operation>() -> Self {
        Entry {
            run: run::<Op, true>,
            tell: tell::<Op, true>,
            ..Entry::of::<Op>()
        }
    }
}

/// The path of one request through the domain: body, model, gate, decision, response. In AWS's order: who may not ask
/// learns neither what exists nor what else is wrong.
fn run<Op: Operation, const TEXTS_ONLY: bool>(
    body: &[u8],
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<Written, Stop> {
    let Understood {
        request,
        objection,
        checks,
    } = {
        let mut parameters = None;
        let understood = input::understand(body, TEXTS_ONLY, &mut parameters, Op::read);
        records.tell(|told| told.parameters = parameters);
        understood
    }?;
    let allowed = gate::authorize(request, records, given)?;
    if let Some(objection) = objection {
        return Err(objection.into());
    }
    for check in checks {
        check(given)?;
    }
    let decided = Op::decide(allowed, records, given)?;
    let body = match &decided.output {
        Some(output) => {
            records.tell(|told| told.response = Op::tell(output));
            let mut body = Vec::with_capacity(RESPONSE_BYTES_EXPECTED);
            Op::write(output, &mut body).map_err(|error| Stop::Unavailable(Box::new(error)))?;
            body
        }
        None => Vec::new(),
    };
    Ok(Written {
        body,
        changes: decided.changes,
        refusal: decided.refusal,
        additional_event_data: decided.additional_event_data,
    })
}

/// What the request alone tells.
fn tell<Op: Operation, const TEXTS_ONLY: bool>(body: &[u8]) -> Told {
    let mut told = Told::default();
    // What is wrong with it doesn't matter here: it is refused for something else.
    let _ = input::understand(body, TEXTS_ONLY, &mut told.parameters, Op::read);
    told
}
