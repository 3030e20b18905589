"""A CRD with one field for each rule that a schema can have, and the kind that it serves."""

import yaml

from kubewright.twin.crds import kinds_of
from kubewright.twin.kinds import KindTable

FOO_CRD = yaml.safe_load("""
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: foos.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: foos, kind: Foo, singular: foo, listKind: FooList, shortNames: [fo]}
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns:
    - {name: Image, type: string, jsonPath: .spec.image}
    - {name: Replicas, type: integer, jsonPath: .spec.replicas}
    - {name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status'}
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            required: [image]
            properties:
              image: {type: string, minLength: 2, maxLength: 5, pattern: "^[a-z]*$"}
              replicas: {type: integer, minimum: 0, maximum: 5, default: 1}
              limit: {type: integer, format: int32}
              size: {type: string, enum: [A, B]}
              names: {type: array, items: {type: string}, x-kubernetes-list-type: set, minItems: 1, maxItems: 3}
              ports:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items:
                  type: object
                  required: [name]
                  properties: {name: {type: string}, port: {type: integer, default: 80}}
              labels: {type: object, additionalProperties: {type: string}, maxProperties: 2}
              surge: {x-kubernetes-int-or-string: true}
              at: {type: string, format: date-time}
              open: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {z: {type: integer}}}
              child: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}
              maybe: {type: string, nullable: true}
              either:
                type: object
                properties: {a: {type: string}, b: {type: string}}
                oneOf: [{required: [a]}, {required: [b]}]
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
""")
FOO = kinds_of(FOO_CRD, KindTable.builtin().schema)[0]


def foo(spec):
    return {
        "apiVersion": "example.com/v1",
        "kind": "Foo",
        "metadata": {"name": "x", "namespace": "default"},
        "spec": spec,
    }
