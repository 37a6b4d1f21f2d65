"""Published flaws of Rancher and its peers, each with the tests that would have caught it; ``test_rows.py`` holds it true.

A row of a feature that is not there names the test that it is really absent. Who adds the feature gives the row its own.
"""

from __future__ import annotations

from collections.abc import Mapping

ABSENT = "tests/security/test_absent.py::test_there_is_nothing"
_ACCESS = "tests/auth/roles/test_access.py"
_ANSWERS = "tests/security/test_answers.py"
_ESCALATION = "tests/auth/roles/test_escalation.py"
_ENABLING = "tests/auth/providers/test_enabling.py"
_HOSTILE = "tests/e2e/hostile"
_IDENTITY = f"{_HOSTILE}/test_identity.py"
_OIDC = "tests/auth/providers/test_oidc.py"
_LDAP = "tests/auth/providers/test_directory.py"
_OWN = "tests/security/test_escalation.py"
_NAMESPACES = "tests/proxy/test_namespaces.py"
_POLICY = "tests/proxy/test_policy.py"
_PROJECTS = "tests/security/test_projects.py"
_SESSIONS = "tests/api/test_sessions.py"
_STRANGERS = "tests/security/test_strangers.py"
_USERS = "tests/api/test_users.py"

IMPERSONATION = {
    "CVE-2021-31999": (
        f"{_POLICY}::test_connection_strips_nothing_of_ours_and_goes_no_further",
        f"{_IDENTITY}::test_exactly_one_identity_reaches_the_cluster_whatever_is_sent",
    ),
    "CVE-2021-36776 GHSA-gvh9-xgrq-r8hw": (
        f"{_POLICY}::test_a_callers_identity_header_does_not_pass",
        f"{_POLICY}::test_a_name_in_another_case_does_not_pass",
        f"{_POLICY}::test_a_name_that_only_looks_alike_does_not_pass",
        f"{_POLICY}::test_a_doubled_identity_header_does_not_pass",
        f"{_IDENTITY}::test_the_cluster_sees_the_plain_user_whatever_he_sends",
    ),
    "CVE-2026-44945 GHSA-v584-7w32-jwpq": (
        f"{_IDENTITY}::test_an_administrator_can_not_become_somebody_else",
        f"{_IDENTITY}::test_the_plain_user_may_not_impersonate",
        f"{_OWN}::test_identity_headers_mean_nothing_to_the_api",
        f"{_PROJECTS}::test_a_binding_in_another_clusters_project_is_none_here",
        "tests/proxy/test_gatekeeper.py::test_a_token_of_one_cluster_is_good_there_alone",
    ),
    "CVE-2026-17107 (OCM: appends groups)": (
        f"{_POLICY}::test_of_any_headers_nothing_about_identity_but_ours_comes_out",
        f"{_POLICY}::test_a_group_that_kubernetes_reserves_is_left_out",
        "tests/clusters/test_manifest.py::test_the_only_rule_is_to_impersonate_users_and_groups",
    ),
    "CVE-2026-4740 (OCM: credentials of another cluster)": (
        f"{_HOSTILE}/test_agents.py::test_an_agent_can_not_answer_for_another_clusters_stream",
        f"{_HOSTILE}/test_agents.py::test_a_registration_names_its_own_cluster_alone",
        "tests/gateway/test_reply.py::test_it_is_for_one_agent_and_one_stream",
    ),
    "CVE-2026-61682 (kcp), GHSA-r5c2-7hp9-v678 (Lens)": (
        f"{_POLICY}::test_a_callers_identity_header_does_not_pass",
        f"{_OWN}::test_identity_headers_mean_nothing_to_the_api",
    ),
    "CVE-2025-48865 (Fabio: hop by hop), CVE-2025-64484 (oauth2-proxy: underscores)": (
        f"{_POLICY}::test_connection_strips_nothing_of_ours_and_goes_no_further",
        f"{_POLICY}::test_a_name_that_only_looks_alike_does_not_pass",
    ),
    "impersonation fails open (Pinniped)": (
        "tests/agent/test_refusal.py::test_a_request_that_does_not_impersonate_exactly_one_user_is_refused",
        "tests/security/test_fail_closed.py::test_an_identity_without_a_name_is_not_impersonated",
    ),
}

PROXY = {
    "CVE-2018-1002105": (
        f"{_HOSTILE}/test_upgrades.py::test_a_failed_upgrade_ends_the_connection",
        "tests/e2e/test_streaming.py::TestRefusedUpgrade::test_nothing_sent_after_a_refusal_reaches_the_cluster",
    ),
    "CVE-2018-1002102, CVE-2020-8559": (f"{_HOSTILE}/test_answers.py::test_a_redirect_is_shown_and_not_followed",),
    "CVE-2019-13209": (
        "tests/gateway/test_sockets.py::test_a_foreign_page_with_cookies_is_refused",
        f"{_HOSTILE}/test_upgrades.py::test_a_foreign_page_opens_no_websocket_into_a_cluster",
    ),
    "paths, hosts and framing": (
        "tests/proxy/test_target.py::test_a_path_that_points_elsewhere_is_refused",
        "tests/proxy/test_target.py::test_what_names_no_cluster_is_not_found",
        f"{_HOSTILE}/test_paths.py::test_an_absolute_uri_is_read_by_its_path_alone",
        f"{_HOSTILE}/test_headers.py::test_a_second_host_is_refused_and_ends_the_connection",
        f"{_HOSTILE}/test_headers.py::test_a_method_override_changes_nothing_in_the_api",
        f"{_HOSTILE}/test_framing.py::test_ambiguous_framing_is_refused_and_ends_the_connection",
        f"{_HOSTILE}/test_bodies.py::test_a_body_on_get_stays_a_body",
    ),
    "CVE-2024-22030": (
        "tests/agent/test_server.py::TestPinning::test_another_checksum_is_refused_and_no_secret_leaves",
        "tests/agent/test_server.py::TestPinning::test_showing_the_right_authority_is_not_enough",
    ),
    "17.7.26 (Teleport: X-Forwarded-Host)": (
        f"{_STRANGERS}::test_a_host_that_is_none_gets_into_no_link_no_command_and_no_manifest",
        "tests/adapters/test_https.py::test_addresses_that_are_not_called",
    ),
    "verb traps: exec by GET, nodes/proxy": (
        "tests/controllers/test_rights_on_cluster.py::test_the_cluster_answers_as_the_evaluator",
        "tests/controllers/test_rights_wired.py::test_the_cluster_answers_as_the_evaluator_after_reconciling",
    ),
    "the tunnel's directory": (
        "tests/gateway/test_connections.py::test_a_late_goodbye_does_not_remove_the_newer_one",
        "tests/gateway/test_sockets.py::test_everybody_else_stays_out",
    ),
    "CVE-2019-14435, CVE-2025-54468 GHSA-mjcp-rj3c-36fr, CVE-2026-88811": (
        ABSENT,
        "tests/adapters/test_https.py::test_addresses_that_are_not_called",
        "tests/adapters/test_https.py::test_a_redirect_is_an_answer",
    ),
}

RIGHTS = {
    "CVE-2021-25320": (
        "tests/security/test_absent.py::test_cloud_credentials",
        f"{_OWN}::test_a_token_is_its_callers_whatever_is_asked_for",
    ),
    "CVE-2018-20321": (
        f"{_PROJECTS}::test_the_agents_namespace_is_in_no_project",
        "tests/clusters/test_manifest.py::test_all_lies_in_one_namespace",
    ),
    "CVE-2019-6287": (
        f"{_PROJECTS}::test_who_leaves_one_of_two_projects_keeps_nothing_of_it",
        f"{_ACCESS}::test_leaving_one_of_two_projects_ends_access_to_it",
    ),
    "CVE-2019-14436, CVE-2022-31247 GHSA-6x34-89p7-95wg, CVE-2022-43759": (
        f"{_ESCALATION}::test_who_may_bind_what",
        f"{_ESCALATION}::test_what_nobody_may_bind",
        f"{_OWN}::test_a_parent_in_the_path_wins_over_one_in_the_body",
        "tests/api/test_bindings.py::test_users_bind_nobody",
    ),
    "CVE-2020-10676 GHSA-8vhc-hwhc-cpj4": (
        "tests/controllers/test_placement.py::test_where_a_namespace_is",
        f"{_NAMESPACES}::test_nobody_puts_a_namespace_into_a_project_of_others",
        f"{_NAMESPACES}::test_nobody_takes_a_namespace_out_of_a_project_of_others",
        f"{_NAMESPACES}::test_what_can_be_read_in_two_ways_goes_no_further",
        "tests/api/live/test_namespaces.py::test_what_a_namespace_says_of_itself_moves_it_nowhere",
        "tests/e2e/test_namespaces.py::test_to_move_one_needs_rights_in_both_projects",
    ),
    "CVE-2025-22031 GHSA-8h6m-wv39-239m": (f"{_OWN}::test_an_id_is_the_servers_choice",),
    "CVE-2021-36775 GHSA-28g7-896h-695v, CVE-2023-32199 GHSA-j4vr-pcmw-hx59": (
        "tests/controllers/test_rights.py::"
        "test_whatever_came_before_the_last_state_counts_and_in_the_end_nothing_is_left",
        f"{_USERS}::test_deletion_takes_tokens_and_bindings_along",
        "tests/e2e/test_rights.py::test_what_ends_leaves_nothing_behind",
        "tests/e2e/test_rights.py::test_a_cluster_that_was_away_catches_up",
    ),
    "CVE-2021-25318": (
        f"{_ACCESS}::test_a_rule_for_one_group_is_not_for_another",
        "tests/auth/roles/test_rule.py::test_what_a_rule_allows",
    ),
    "CVE-2021-36784 GHSA-jwvr-vv7p-gpwq, CVE-2023-32194, CVE-2025-23391": (
        f"{_ESCALATION}::test_who_may_define_a_role",
        f"{_ESCALATION}::test_who_may_act_in_anothers_name",
        f"{_USERS}::test_users_set_no_passwords",
        f"{_OWN}::test_nobody_makes_himself_more",
        "tests/api/identity/test_newcomers.py::test_a_group_protects_its_members_from_who_may_less",
        "tests/api/test_groups.py::test_nobody_puts_himself_into_a_group_that_may_more",
    ),
    "CVE-2026-41052": (
        "tests/e2e/test_podsecurity.py::test_who_owns_a_project_does_not_choose_what_its_pods_may_do",
        "tests/controllers/test_podsecurity.py::test_which_template_applies",
        "tests/controllers/test_contents.py::test_namespaces_that_policies_hang_on_are_not_their_members_to_change",
    ),
    "rights fail open": (
        "tests/security/test_fail_closed.py::test_a_store_that_breaks_admits_nobody_to_a_cluster",
        "tests/security/test_fail_closed.py::test_a_store_that_breaks_makes_no_wrong_key_right",
        "tests/security/test_fail_closed.py::test_a_store_that_breaks_shows_nothing",
        "tests/security/test_fail_closed.py::test_a_store_that_breaks_lets_nobody_write",
        "tests/security/test_fail_closed.py::test_a_proof_with_a_spoilt_part_proves_nothing",
        "tests/security/test_fail_closed.py::test_a_binding_of_no_known_role_makes_no_administrator",
        f"{_ACCESS}::test_what_is_broken_or_unknown_grants_nothing",
        "tests/auth/roles/test_library.py::test_inheritance_is_followed_and_circles_end",
        "tests/auth/test_trust.py::test_without_an_answer_nothing_is_believed",
    ),
    "CVE-2026-41050 (Fleet: templates keep rights)": (
        "tests/security/test_absent.py::test_catalogs_are_kept_and_not_fetched",
    ),
}

SECRETS = {
    "CVE-2021-36782 GHSA-g7j7-h4q8-8w2f, CVE-2021-36783, CVE-2022-43757, CVE-2024-22032, CVE-2023-32191": (
        "tests/api/test_canary.py::test_reading_shows_no_secret",
        "tests/api/test_canary.py::test_nothing_readable_lies_in_the_database",
        "tests/schema/test_kinds.py::test_passwords_are_secret",
    ),
    "CVE-2022-43755 GHSA-8c69-r38j-rpfj": (
        "tests/auth/test_tokens.py::test_a_key_holds_256_bits",
        "tests/api/test_registrations.py::test_a_cluster_may_have_several",
        "tests/api/test_registrations.py::test_with_its_token_or_its_cluster_the_manifest_goes",
        "tests/gateway/test_agents.py::test_with_its_token_or_its_cluster_an_agent_is_out",
        "tests/security/test_gaps.py::test_a_deleted_registration_token_ends_what_was_opened_with_it",
    ),
    "GHSA-c45c-39f6-6gw9, CVE-2023-22650, CVE-2023-22648": (
        f"{_ENABLING}::test_disabling_a_provider_ends_its_sessions",
        f"{_ENABLING}::test_an_inherited_token_ends_with_its_provider",
        "tests/auth/providers/test_memberships.py::test_who_is_not_known_any_more_is_out",
        f"{_USERS}::test_a_disabled_user_is_out",
        f"{_SESSIONS}::test_a_reset_password_ends_all_sessions",
        f"{_SESSIONS}::test_keys_end_with_the_key_that_they_came_from",
        "tests/api/test_groups.py::test_other_processes_hear_of_a_membership",
        "tests/api/identity/test_configs.py::test_disabling_ends_what_came_from_it",
    ),
    "CVE-2023-22649 GHSA-xfj7-qf8w-2gcr, CVE-2024-58269": (
        "tests/infra/test_policy.py::test_access_logs_hold_no_secrets",
        "tests/api/test_canary.py::test_wrong_credentials_are_not_repeated",
    ),
}

STRANGERS = {
    "CVE-2025-23388 GHSA-xr9q-h9c7-xw8q, CVE-2024-58259": (
        f"{_STRANGERS}::test_no_body_of_a_stranger_is_a_failure_of_the_server",
        f"{_STRANGERS}::test_nothing_that_a_stranger_sends_is_a_failure_of_the_server",
        f"{_STRANGERS}::test_a_long_path_is_not_repeated_in_a_header",
        f"{_HOSTILE}/test_bodies.py::test_a_strangers_body_over_64_kilobytes_is_refused",
    ),
    "CVE-2025-23387 GHSA-mq23-vvg7-xfm4, CVE-2024-58267": (ABSENT,),
    "CVE-2025-23389, CVE-2026-44946": (
        ABSENT,
        f"{_OIDC}::test_state_belongs_to_a_browser",
        f"{_OIDC}::test_state_is_good_once",
    ),
    "CVE-2024-58260": (
        f"{_USERS}::test_a_user_name_is_taken_once_in_every_case",
        f"{_USERS}::test_a_user_name_stays",
    ),
    "CVE-2019-11202": (
        "tests/auth/test_login.py::test_it_does_not_come_back_after_it_was_deleted",
        "tests/auth/test_login.py::test_it_does_not_come_back_in_the_next_process",
        "tests/auth/test_login.py::test_of_two_that_race_one_wins",
    ),
    "CVE-2021-25313, CVE-2023-32192, CVE-2023-32193, CVE-2024-52281": (
        f"{_ANSWERS}::test_html_in_every_text_is_shown_as_json",
        f"{_ANSWERS}::test_no_error_is_a_page",
        f"{_ANSWERS}::test_the_import_manifest_is_no_page",
    ),
    "CVE-2024-22036, CVE-2022-43758, CVE-2019-12274": (
        ABSENT,
        "tests/security/test_absent.py::test_drivers_are_kept_and_not_run",
        "tests/security/test_absent.py::test_catalogs_are_kept_and_not_fetched",
    ),
}

LOGINS = {
    "CVE-2024-33663, CVE-2024-33664 and what is open in python-jose": (
        f"{_OIDC}::test_the_public_key_is_no_secret",
        f"{_OIDC}::test_one_algorithm_is_accepted",
        f"{_OIDC}::test_what_is_no_signed_token",
        f"{_OIDC}::test_the_header_chooses_nothing_but_a_known_key",
        f"{_OIDC}::test_claims_that_are_not_as_they_must_be",
    ),
    "injection into LDAP, empty passwords, referrals, StartTLS": (
        "tests/auth/providers/test_names.py::test_a_value_stays_one_value",
        f"{_LDAP}::test_an_empty_password_is_refused_although_the_directory_accepts_it",
        f"{_LDAP}::test_a_referral_is_not_followed",
        f"{_LDAP}::test_starttls_is_not_given_up",
    ),
    "OAuth: state, PKCE, one redirect, codes": (
        f"{_OIDC}::test_a_code_of_another_login_is_no_use",
        f"{_OIDC}::test_state_of_another_provider_is_none",
    ),
    "passwords": (
        "tests/auth/test_passwords.py::test_the_parameters_are_owasps",
        "tests/auth/test_passwords.py::test_letters_count_beyond_the_72_bytes_that_bcrypt_takes",
        "tests/auth/test_login.py::test_an_unknown_user_costs_as_much_as_a_wrong_password",
    ),
    "guessing": (
        "tests/auth/test_throttle.py::test_an_account_is_slow_after_failures_whether_it_exists_or_not",
        "tests/auth/test_throttle.py::test_one_address_tries_few_names",
        "tests/security/test_gaps.py::test_whoever_guesses_is_slowed_down_and_nobody_else",
    ),
}

ROWS: Mapping[str, tuple[str, ...]] = {**IMPERSONATION, **PROXY, **RIGHTS, **SECRETS, **STRANGERS, **LOGINS}
