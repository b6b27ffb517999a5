//! Holds each account to AWS's request rates, so that one client can't take a server from all others. Which rates
//! there are is a rule of `strongroom-services`; here is what was asked lately.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use strongroom_services::caller::{AccountId, Caller, Region};
use strongroom_services::rate::{self, RATES};
use strongroom_services::records::Source;
use strongroom_wire::target::Service;

/// Counted accounts and regions beyond which those are forgotten that haven't asked lately.
const COUNTED_MAX: usize = 10_000;

/// What accounts asked lately.
pub struct Throttle {
    /// Of AWS's rates, so many percent.
    percent: u32,
    start: Instant,
    counted: RwLock<HashMap<(AccountId, Region), Arc<Account>>>,
}

/// One instant a rate; see [`rate::take`].
struct Account([AtomicU64; RATES.len()]);

impl Throttle {
    /// Nobody has asked yet.
    pub fn new(percent: u32) -> Self {
        Throttle {
            percent,
            start: Instant::now(),
            counted: RwLock::default(),
        }
    }

    /// Counts a request; whether it is within its rate. Operations without a published rate always are.
    pub fn admits(
        &self,
        caller: &Caller,
        service: Service,
        operation: &str,
        request: &[u8],
        records: &dyn Source,
    ) -> bool {
        let service = service.signing_name();
        let Some((index, rate)) = rate::of(service, operation, request, caller, records) else {
            return true;
        };
        let now = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let account = self.account(caller, now);
        account.0[index]
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |earned_at| {
                rate::take(earned_at, now, rate.per_second, self.percent)
            })
            .is_ok()
    }

    fn account(&self, caller: &Caller, now: u64) -> Arc<Account> {
        let key = (caller.account.clone(), caller.region.clone());
        let counted = self.counted.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = counted.get(&key) {
            return Arc::clone(account);
        }
        drop(counted);
        let mut counted = self.counted.write().unwrap_or_else(PoisonError::into_inner);
        if counted.len() >= COUNTED_MAX {
            // Whoever has saved up everything again is as one who never asked.
            counted.retain(|_, account| {
                let earned_at = account.0.iter().map(|each| each.load(Ordering::Relaxed));
                earned_at.max().unwrap_or_default() > now
            });
        }
        let fresh = || Arc::new(Account(std::array::from_fn(|_| AtomicU64::new(0))));
        Arc::clone(counted.entry(key).or_insert_with(fresh))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use strongroom_services::caller::Principal;
    use strongroom_store::simulated::Simulated;

    use super::*;
    use crate::cache::CachedRecords;

    fn caller(account: &str, region: &str) -> Caller {
        Caller {
            account: AccountId::parse(account).unwrap(),
            region: Region::parse(region).unwrap(),
            principal: Principal::Root,
            session: None,
        }
    }

    /// Whether a request without members is within its rate.
    fn ask(throttle: &Throttle, caller: &Caller, service: Service, operation: &str) -> bool {
        static RECORDS: LazyLock<CachedRecords> =
            LazyLock::new(|| CachedRecords::new(Arc::new(Simulated::new(1)), 0));
        throttle.admits(caller, service, operation, b"{}", &*RECORDS)
    }

    #[test]
    fn an_account_that_asks_too_often_is_refused_and_no_other() {
        let throttle = Throttle::new(100);
        let own = caller("111122223333", "us-east-1");
        let others = [
            caller("111122223333", "eu-west-1"),
            caller("444455556666", "us-east-1"),
        ];
        for (service, used_up, another) in [
            (Service::SecretsManager, "CreateSecret", "GetSecretValue"),
            (Service::Kms, "CreateKey", "TagResource"),
            (
                Service::Sts,
                "GetCallerIdentity",
                "AssumeRoleWithWebIdentity",
            ),
        ] {
            while ask(&throttle, &own, service, used_up) {}
            assert!(ask(&throttle, &own, service, another), "{another}");
            for other in &others {
                assert!(ask(&throttle, other, service, used_up), "{used_up}");
            }
        }
        // IAM publishes no rates.
        for _ in 0..1000 {
            assert!(ask(&throttle, &own, Service::Iam, "GetUser"));
        }
    }

    #[test]
    fn operations_that_share_a_rate_use_it_up_together() {
        let throttle = Throttle::new(1);
        let own = caller("111122223333", "us-east-1");
        assert!(ask(&throttle, &own, Service::SecretsManager, "TagResource"));
        assert!(!ask(
            &throttle,
            &own,
            Service::SecretsManager,
            "UntagResource"
        ));
        // Operations of one name are another service's.
        assert!(ask(&throttle, &own, Service::Kms, "TagResource"));
        assert!(ask(&throttle, &own, Service::Kms, "UntagResource"));
    }

    #[test]
    fn regions_that_nobody_asks_in_any_more_are_forgotten() {
        let throttle = Throttle::new(1_000_000);
        for number in 0..3 * COUNTED_MAX {
            let caller = caller("111122223333", &format!("r-{number}"));
            assert!(ask(
                &throttle,
                &caller,
                Service::SecretsManager,
                "ListSecrets"
            ));
        }
        assert!(throttle.counted.read().unwrap().len() <= COUNTED_MAX);
    }
}
