{
  "ietf-mud:mud": {
    "mud-version": 1,
    "mud-url": "https://mud.example/fan.json",
    "last-update": "2024-05-06T07:08:09Z",
    "cache-validity": 48,
    "is-supported": false,
    "systeminfo": "fan (zhimi.fan.v3 2.0.8)",
    "model-name": "zhimi.fan.v3",
    "firmware-rev": "2.0.8",
    "from-device-policy": {
      "access-lists": {
        "access-list": [
          {
            "name": "from-ipv4"
          },
          {
            "name": "from-ipv6"
          }
        ]
      }
    },
    "to-device-policy": {
      "access-lists": {
        "access-list": [
          {
            "name": "to-ipv4"
          },
          {
            "name": "to-ipv6"
          }
        ]
      }
    }
  },
  "ietf-access-control-list:acls": {
    "acl": [
      {
        "name": "from-ipv4",
        "type": "ipv4-acl-type",
        "aces": {
          "ace": [
            {
              "name": "from-ipv4-dns-udp",
              "matches": {
                "ietf-mud:mud": {
                  "controller": "urn:ietf:params:mud:dns"
                },
                "ipv4": {
                  "protocol": 17
                },
                "udp": {
                  "destination-port": {
                    "operator": "eq",
                    "port": 53
                  }
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "from-ipv4-dns-tcp",
              "matches": {
                "ietf-mud:mud": {
                  "controller": "urn:ietf:params:mud:dns"
                },
                "ipv4": {
                  "protocol": 6
                },
                "tcp": {
                  "destination-port": {
                    "operator": "eq",
                    "port": 53
                  },
                  "ietf-mud:direction-initiated": "from-device"
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "from-ipv4-dhcp",
              "matches": {
                "ietf-mud:mud": {
                  "local-networks": [
                    null
                  ]
                },
                "ipv4": {
                  "protocol": 17
                },
                "udp": {
                  "destination-port": {
                    "operator": "eq",
                    "port": 67
                  }
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "from-ipv4-home",
              "matches": {
                "ietf-mud:mud": {
                  "local-networks": [
                    null
                  ]
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "from-ipv4-tcp-4",
              "matches": {
                "ipv4": {
                  "ietf-acldns:dst-dnsname": "api.fan.example",
                  "protocol": 6
                },
                "tcp": {
                  "destination-port": {
                    "operator": "eq",
                    "port": 443
                  },
                  "ietf-mud:direction-initiated": "from-device"
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "from-ipv4-tcp-5",
              "matches": {
                "ipv4": {
                  "ietf-acldns:dst-dnsname": "mqtt.example.net",
                  "protocol": 6
                },
                "tcp": {
                  "destination-port": {
                    "operator": "eq",
                    "port": 8883
                  },
                  "ietf-mud:direction-initiated": "from-device"
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "from-ipv4-udp-6",
              "matches": {
                "ipv4": {
                  "destination-ipv4-network": "192.0.2.33/32",
                  "protocol": 17
                },
                "udp": {
                  "destination-port": {
                    "operator": "eq",
                    "port": 123
                  }
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "from-ipv4-udp-7",
              "matches": {
                "ipv4": {
                  "ietf-acldns:dst-dnsname": "time.fan.example",
                  "protocol": 17
                },
                "udp": {
                  "destination-port": {
                    "operator": "eq",
                    "port": 123
                  }
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            }
          ]
        }
      },
      {
        "name": "to-ipv4",
        "type": "ipv4-acl-type",
        "aces": {
          "ace": [
            {
              "name": "to-ipv4-dns-udp",
              "matches": {
                "ietf-mud:mud": {
                  "controller": "urn:ietf:params:mud:dns"
                },
                "ipv4": {
                  "protocol": 17
                },
                "udp": {
                  "source-port": {
                    "operator": "eq",
                    "port": 53
                  }
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "to-ipv4-dns-tcp",
              "matches": {
                "ietf-mud:mud": {
                  "controller": "urn:ietf:params:mud:dns"
                },
                "ipv4": {
                  "protocol": 6
                },
                "tcp": {
                  "ietf-mud:direction-initiated": "from-device",
                  "source-port": {
                    "operator": "eq",
                    "port": 53
                  }
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "to-ipv4-dhcp",
              "matches": {
                "ietf-mud:mud": {
                  "local-networks": [
                    null
                  ]
                },
                "ipv4": {
                  "protocol": 17
                },
                "udp": {
                  "source-port": {
                    "operator": "eq",
                    "port": 67
                  }
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "to-ipv4-home",
              "matches": {
                "ietf-mud:mud": {
                  "local-networks": [
                    null
                  ]
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "to-ipv4-tcp-4",
              "matches": {
                "ipv4": {
                  "ietf-acldns:src-dnsname": "api.fan.example",
                  "protocol": 6
                },
                "tcp": {
                  "ietf-mud:direction-initiated": "from-device",
                  "source-port": {
                    "operator": "eq",
                    "port": 443
                  }
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "to-ipv4-tcp-5",
              "matches": {
                "ipv4": {
                  "ietf-acldns:src-dnsname": "mqtt.example.net",
                  "protocol": 6
                },
                "tcp": {
                  "ietf-mud:direction-initiated": "from-device",
                  "source-port": {
                    "operator": "eq",
                    "port": 8883
                  }
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "to-ipv4-udp-6",
              "matches": {
                "ipv4": {
                  "protocol": 17,
                  "source-ipv4-network": "192.0.2.33/32"
                },
                "udp": {
                  "source-port": {
                    "operator": "eq",
                    "port": 123
                  }
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "to-ipv4-udp-7",
              "matches": {
                "ipv4": {
                  "ietf-acldns:src-dnsname": "time.fan.example",
                  "protocol": 17
                },
                "udp": {
                  "source-port": {
                    "operator": "eq",
                    "port": 123
                  }
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            }
          ]
        }
      },
      {
        "name": "from-ipv6",
        "type": "ipv6-acl-type",
        "aces": {
          "ace": [
            {
              "name": "from-ipv6-dns-udp",
              "matches": {
                "ietf-mud:mud": {
                  "controller": "urn:ietf:params:mud:dns"
                },
                "ipv6": {
                  "protocol": 17
                },
                "udp": {
                  "destination-port": {
                    "operator": "eq",
                    "port": 53
                  }
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "from-ipv6-dns-tcp",
              "matches": {
                "ietf-mud:mud": {
                  "controller": "urn:ietf:params:mud:dns"
                },
                "ipv6": {
                  "protocol": 6
                },
                "tcp": {
                  "destination-port": {
                    "operator": "eq",
                    "port": 53
                  },
                  "ietf-mud:direction-initiated": "from-device"
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "from-ipv6-dhcp",
              "matches": {
                "ietf-mud:mud": {
                  "local-networks": [
                    null
                  ]
                },
                "ipv6": {
                  "protocol": 17
                },
                "udp": {
                  "destination-port": {
                    "operator": "eq",
                    "port": 547
                  }
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "from-ipv6-home",
              "matches": {
                "ietf-mud:mud": {
                  "local-networks": [
                    null
                  ]
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "from-ipv6-tcp-4",
              "matches": {
                "ipv6": {
                  "ietf-acldns:dst-dnsname": "api.fan.example",
                  "protocol": 6
                },
                "tcp": {
                  "destination-port": {
                    "operator": "eq",
                    "port": 443
                  },
                  "ietf-mud:direction-initiated": "from-device"
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "from-ipv6-udp-5",
              "matches": {
                "ipv6": {
                  "destination-ipv6-network": "2001:db8::35/128",
                  "protocol": 17
                },
                "udp": {
                  "destination-port": {
                    "operator": "eq",
                    "port": 123
                  }
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            }
          ]
        }
      },
      {
        "name": "to-ipv6",
        "type": "ipv6-acl-type",
        "aces": {
          "ace": [
            {
              "name": "to-ipv6-dns-udp",
              "matches": {
                "ietf-mud:mud": {
                  "controller": "urn:ietf:params:mud:dns"
                },
                "ipv6": {
                  "protocol": 17
                },
                "udp": {
                  "source-port": {
                    "operator": "eq",
                    "port": 53
                  }
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "to-ipv6-dns-tcp",
              "matches": {
                "ietf-mud:mud": {
                  "controller": "urn:ietf:params:mud:dns"
                },
                "ipv6": {
                  "protocol": 6
                },
                "tcp": {
                  "ietf-mud:direction-initiated": "from-device",
                  "source-port": {
                    "operator": "eq",
                    "port": 53
                  }
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "to-ipv6-dhcp",
              "matches": {
                "ietf-mud:mud": {
                  "local-networks": [
                    null
                  ]
                },
                "ipv6": {
                  "protocol": 17
                },
                "udp": {
                  "source-port": {
                    "operator": "eq",
                    "port": 547
                  }
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "to-ipv6-home",
              "matches": {
                "ietf-mud:mud": {
                  "local-networks": [
                    null
                  ]
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "to-ipv6-tcp-4",
              "matches": {
                "ipv6": {
                  "ietf-acldns:src-dnsname": "api.fan.example",
                  "protocol": 6
                },
                "tcp": {
                  "ietf-mud:direction-initiated": "from-device",
                  "source-port": {
                    "operator": "eq",
                    "port": 443
                  }
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            },
            {
              "name": "to-ipv6-udp-5",
              "matches": {
                "ipv6": {
                  "protocol": 17,
                  "source-ipv6-network": "2001:db8::35/128"
                },
                "udp": {
                  "source-port": {
                    "operator": "eq",
                    "port": 123
                  }
                }
              },
              "actions": {
                "forwarding": "accept"
              }
            }
          ]
        }
      }
    ]
  }
}
