"""Who may do what in a real cluster, by the real kubectl, and how soon: within two seconds of a binding's change."""

from __future__ import annotations

from functools import partial

import pytest

from tests.e2e.house import House, Person, soon
from tests.support.lariat import eventually

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def dev(house: House) -> str:
    return house.project("dev", "web")


@pytest.fixture(scope="module")
def prod(house: House) -> str:
    return house.project("prod", "shop")


@pytest.mark.parametrize("first", ["dev", "prod"])
def test_a_member_here_who_only_reads_there(house: House, dev: str, prod: str, first: str) -> None:
    person = Person(house, f"alex-{first}")
    assert not person.enters
    given = [(("project-member", dev)), (("read-only", prod))]
    bound = {role: house.bind(person, role, project) for role, project in (given if first == "dev" else given[::-1])}
    soon(lambda: person.can("create", "deployments.apps", "-n", "web"), "a member works in dev")
    soon(lambda: person.can("list", "pods", "-n", "shop"), "a reader looks into prod")
    assert person.may("create", "configmap", f"of-{first}", "-n", "web")
    assert person.may("get", "configmaps", "-n", "shop")
    for verb, what, where in (
        *((verb, "deployments.apps", "shop") for verb in ("create", "update", "patch", "delete")),
        *((verb, "pods", "shop") for verb in ("create", "patch", "delete", "deletecollection")),
        *(("create", what, "shop") for what in ("pods/exec", "pods/portforward", "services", "configmaps", "secrets")),
        ("get", "secrets", "shop"),
        ("update", "namespace/shop", "shop"),
        ("delete", "namespace/shop", "shop"),
        ("list", "pods", "default"),
        ("create", "rolebindings", "web"),
        ("update", "resourcequotas", "web"),
    ):
        assert not person.can(verb, what, "-n", where), (verb, what, where)
    assert not person.can("list", "nodes")
    refused = person.kubectl("get", "pods", "-n", "default")
    assert f'User "{person.id}" cannot list resource' in refused.err
    house.admin.delete(bound["project-member"])
    soon(lambda: not person.can("create", "deployments.apps", "-n", "web"), "he is no member any more")
    assert person.may("get", "configmaps", "-n", "shop")
    house.admin.delete(bound["read-only"])
    soon(lambda: not person.enters, "he does not get in any more")


@pytest.mark.parametrize("order", [("dev", "prod"), ("prod", "dev")], ids=" first, then ".join)
def test_roles_that_are_exchanged(house: House, dev: str, prod: str, order: tuple[str, str]) -> None:
    """A member of dev who reads in prod becomes the opposite, one binding after the other, and is back."""
    person = Person(house, f"robin-{order[0]}")
    spaces = {"dev": "web", "prod": "shop"}
    bound = {"dev": house.bind(person, "project-member", dev), "prod": house.bind(person, "read-only", prod)}
    roles = {"dev": "project-member", "prod": "read-only"}
    for _ in range(2):
        for name in order:
            roles[name] = "read-only" if roles[name] == "project-member" else "project-member"
            assert house.admin.put(bound[name], json={"roleTemplateId": roles[name]}).status_code == 200
            works = roles[name] == "project-member"
            space = spaces[name]
            soon(partial(_is, works, person, space), str(roles))
            for each, role in roles.items():
                assert person.can("create", "pods", "-n", spaces[each]) == (role == "project-member")
                assert person.can("list", "pods", "-n", spaces[each])
    for name in order:
        assert house.admin.delete(bound[name]).status_code in (200, 204)
    soon(lambda: not person.enters, "he does not get in any more")


def _is(wanted: bool, person: Person, space: str) -> bool:
    """Is it so that somebody works there, or does not?"""
    return person.can("create", "pods", "-n", space) == wanted


def test_who_only_reads_makes_no_namespaces(house: House, dev: str, prod: str) -> None:
    reader, member = Person(house, "reader"), Person(house, "maker")
    house.bind(reader, "read-only", prod)
    house.bind(member, "project-member", dev)
    soon(lambda: member.can("create", "namespaces"), "a member makes namespaces")
    soon(lambda: reader.can("list", "pods", "-n", "shop"), "a reader reads")
    assert not reader.can("create", "namespaces")
    assert not member.can("delete", "namespace/shop")
    assert member.can("delete", "namespace/web")


def test_a_members_view_of_lariat_itself(house: House, dev: str, prod: str) -> None:
    person = Person(house, "viewer")
    house.bind(person, "project-member", dev)
    soon(lambda: person.client.get("/v3/projects").json()["data"], "he sees his project")
    assert [each["id"] for each in person.client.get("/v3/projects").json()["data"]] == [dev]
    assert [each["id"] for each in person.client.get("/v3/clusters").json()["data"]] == [house.imported.id]
    assert person.client.delete(f"/v3/projects/{dev}").status_code == 403
    assert person.client.get(f"/v3/projects/{prod}").status_code == 404
    body = {"projectId": dev, "userId": person.id, "roleTemplateId": "project-owner"}
    assert person.client.post("/v3/projectroletemplatebindings", json=body).status_code == 403


def test_a_second_administrator_and_his_demotion(house: House) -> None:
    person = Person(house, "second")
    binding = house.make("/v3/globalrolebindings", {"userId": person.id, "globalRoleId": "admin"})
    soon(lambda: person.can("*", "*", "--all-namespaces"), "the second administrator may do everything")
    assert house.admin.delete(f"/v3/globalrolebindings/{binding['id']}").status_code == 204
    soon(lambda: not person.enters, "not any more")
    name = f"globaladmin-{person.id}"
    soon(lambda: house.cluster.kubectl("get", "clusterrolebinding", name).code == 1, "his binding is gone")


class Leaver:
    """A user with roles of all sorts, by name and by a group, in a project of its own."""

    def __init__(self, house: House, name: str) -> None:
        self.house = house
        self.space = f"short-{name}"
        self.person = Person(house, f"leaver-{name}")
        self.project = house.project(self.space, self.space)
        rules = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}]
        self.role = house.make("/v3/roletemplates", {"name": "odd", "context": "project", "rules": rules})["id"]
        self.group = house.make("/v3/groups", {"name": name})["id"]
        house.bind(self.person, self.role, self.project)
        body = {"projectId": self.project, "groupId": self.group, "roleTemplateId": self.role}
        house.make("/v3/projectroletemplatebindings", body)
        soon(lambda: len(self.bindings()) == 2, "both bindings are there")

    def bindings(self) -> list[str]:
        """Who is bound to the role in the namespace."""
        found = self.house.cluster.kubectl(
            "get", "rolebindings", "-n", self.space, "-l", "lariat.io/owner", "-o", "json"
        ).json
        return [each["subjects"][0]["name"] for each in found["items"] if each["roleRef"]["name"] == self.role]

    def end(self, *names: str) -> None:
        urls = {
            "user": f"/v3/users/{self.person.id}",
            "group": f"/v3/groups/{self.group}",
            "role": f"/v3/roletemplates/{self.role}",
            "project": f"/v3/projects/{self.project}",
        }
        for name in names:
            assert self.house.admin.delete(urls[name]).status_code in (200, 204)


ENDS = ("user", "group", "role", "project")


@pytest.mark.parametrize("end", ENDS)
def test_what_ends_leaves_nothing_behind(house: House, end: str) -> None:
    before = house.owned()
    leaver = Leaver(house, end)
    added = set(house.owned()) - set(before)
    assert added
    leaver.end(end)
    left = {"user": [leaver.group], "group": [leaver.person.id], "role": [], "project": []}[end]
    eventually(lambda: leaver.bindings() == left, f"only {left} is bound")
    leaver.end(*(each for each in ENDS if each != end))
    eventually(lambda: house.owned() == before, "nothing is left behind")


def test_a_cluster_that_was_away_catches_up(house: House) -> None:
    """All of it ends while the cluster can't be reached."""
    before = house.owned()
    leavers = {end: Leaver(house, f"away-{end}") for end in ENDS}
    house.imported.stop()
    house.imported.await_state("unavailable")
    for end, leaver in leavers.items():
        leaver.end(end)
    assert all(len(leaver.bindings()) == 2 for leaver in leavers.values())
    house.imported.connect(house.cluster.kubeconfig)
    for end, leaver in leavers.items():
        left = {"user": [leaver.group], "group": [leaver.person.id]}.get(end, [])
        assert leaver.bindings() == left, "what ended is gone before the cluster is active"
        leaver.end(*(each for each in ENDS if each != end))
    eventually(lambda: house.owned() == before, "nothing is left behind")


@pytest.mark.parametrize("how", ["deleted", "changed", "rewritten"])
def test_what_somebody_breaks_is_repaired(house: House, dev: str, how: str) -> None:
    """At the next pass over the cluster, whatever makes for it; how soon the clock does: ``tests/test_repair.py``."""
    person = Person(house, f"broken-{how}")
    house.bind(person, "project-member", dev)
    soon(lambda: person.can("create", "pods", "-n", "web"), "he is a member")
    binding, kubectl = _binding_of(house, person), house.cluster.kubectl
    if how == "deleted":
        assert kubectl("delete", "rolebinding", binding, "-n", "web").code == 0
    elif how == "changed":
        patch = '{"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"somebody"}]}'
        assert kubectl("patch", "rolebinding", binding, "-n", "web", "--type=merge", "-p", patch).code == 0
    else:
        rules = '{"rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]}'
        assert kubectl("patch", "clusterrole", "project-member", "--type=merge", "-p", rules).code == 0
        assert person.can("create", "rolebindings", "-n", "web")
    house.project(f"repair-{how}")
    soon(lambda: person.can("create", "pods", "-n", "web"), "it is as it was")
    soon(lambda: not person.can("create", "rolebindings", "-n", "web"), "and no more than that")
    assert _binding_of(house, person) == binding


def _binding_of(house: House, person: Person) -> str:
    found = house.cluster.kubectl("get", "rolebindings", "-n", "web", "-o", "json").json["items"]
    mine = [each for each in found if each["subjects"][0]["name"] == person.id]
    return next((str(each["metadata"]["name"]) for each in mine if each["roleRef"]["name"] == "project-member"), "")


def test_a_changed_role_changes_what_its_holders_may(house: House, dev: str) -> None:
    person = Person(house, "changing")
    rules = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}]
    role = house.make("/v3/roletemplates", {"name": "changing", "context": "project", "rules": rules})
    house.bind(person, role["id"], dev)
    soon(lambda: person.can("get", "deployments.apps", "-n", "web"), "the role holds")
    rules[0]["verbs"] = ["list"]
    assert house.admin.put(f"/v3/roletemplates/{role['id']}", json={"rules": rules}).status_code == 200
    soon(lambda: person.can("list", "deployments.apps", "-n", "web"), "what was added holds")
    assert not person.can("get", "deployments.apps", "-n", "web")


def test_the_clusters_own_namespaces_are_in_its_own_projects(house: House) -> None:
    projects = {each["name"]: each["id"] for each in house.admin.get("/v3/projects").json()["data"]}
    for namespace, project in (("default", "Default"), ("kube-system", "System")):
        found = house.cluster.kubectl("get", "namespace", namespace, "-o", "json").json
        assert found["metadata"]["annotations"]["field.cattle.io/projectId"] == projects[project]


def test_a_deleted_cluster_is_left_as_it_was(house: House) -> None:
    """The last one: it takes the cluster away."""
    assert house.owned()
    assert house.admin.delete(f"/v3/clusters/{house.imported.id}").status_code == 200
    eventually(lambda: house.admin.get(f"/v3/clusters/{house.imported.id}").status_code == 404, "the cluster is gone")
    assert house.owned() == []
    found = house.cluster.kubectl("get", "namespace", "default", "-o", "json").json
    assert "field.cattle.io/projectId" not in (found["metadata"].get("annotations") or {})
